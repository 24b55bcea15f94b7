# Image of mmguided. tools/setup_env.sh creates the environment.
#
#     docker build -t mmguided .
#     docker run --rm -it -v "$PWD/work_dirs:/mmguided/work_dirs" mmguided tools/quickstart.sh
#     docker run --rm --shm-size 1g mmguided tools/run_tests.sh
#
# On GPUs, with the NVIDIA container toolkit; torch brings its own CUDA libraries:
#
#     docker run --rm -it --gpus all --shm-size 16g -v /path/to/imagenet:/mmguided/data/imagenet \
#         mmguided tools/dist_train.sh configs/ccmim/vit-b_800e.py 8
#
# The build needs BuildKit, the default of Docker since 23.0.
#
# Not tested: `docker build` itself, and CUDA. Tested on 2026-11-24: the commands of the RUN lines,
# the quickstart and a part of the tests, in this order, as root on a minimal Debian 12 (debootstrap).
ARG BASE=debian:bookworm-slim
FROM ${BASE}

# Packages to install: `pretrain`, or `tests`, which adds mmdet, mmseg and the test tools.
ARG PROFILE=tests

SHELL ["/bin/bash", "-o", "pipefail", "-c"]
# Python and the libraries that OpenCV loads.
RUN apt-get update \
    && DEBIAN_FRONTEND=noninteractive apt-get install --yes --no-install-recommends \
        ca-certificates git libgl1 libglib2.0-0 python3 python3-venv \
    && rm -rf /var/lib/apt/lists/*

WORKDIR /mmguided
# Install the environment before copying the code, from the files on which it depends, so that a
# change of the code does not rebuild it.
COPY LICENSE README.md pyproject.toml setup.cfg setup.py ./
COPY requirements requirements
COPY tools/setup_env.sh tools/
COPY mmguided/__init__.py mmguided/version.py mmguided/
RUN --mount=type=cache,target=/var/cache/uv \
    UV_CACHE_DIR=/var/cache/uv UV_LINK_MODE=copy bash tools/setup_env.sh "$PROFILE"
COPY . .
# Put the environment on PATH. Its stamp is valid, so the scripts install nothing more.
ENV PATH=/mmguided/.venv/bin:$PATH
RUN bash tools/setup_env.sh "$PROFILE" && python -c 'import mmguided.models'
CMD ["bash"]

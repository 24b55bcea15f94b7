# Image of mmguided. The environment is made by tools/setup_env.sh.
#
#     docker build -t mmguided .
#     docker run --rm -it -v "$PWD/work_dirs:/mmguided/work_dirs" mmguided tools/quickstart.sh
#     docker run --rm --shm-size 1g mmguided tools/run_tests.sh
#
# With CUDA operators of mmcv, on a base of the CUDA version that torch was built for (13.0 for
# torch 2.11.0) and with its compiler (devel); name your GPUs' architectures:
#
#     docker build -t mmguided:cuda --build-arg BASE=nvidia/cuda:13.0.1-devel-ubuntu24.04 \
#         --build-arg FORCE_CUDA=1 --build-arg TORCH_CUDA_ARCH_LIST='8.0;9.0' .
#     docker run --rm -it --gpus all --shm-size 16g -v /path/to/imagenet:/mmguided/data/imagenet \
#         mmguided:cuda tools/dist_train.sh configs/ccmim/vit-b_800e.py 8
#
# Needs BuildKit, the default of Docker since 23.0.
#
# Not tested: `docker build` itself, and CUDA. Tested on 2026-11-24: the commands of the RUN lines,
# the quickstart and a part of the tests, in this order, as root on a minimal Debian 12 (debootstrap).
ARG BASE=debian:bookworm-slim
FROM ${BASE}

# What to install: `pretrain`, or `tests` for mmdet, mmseg and mmcv's operators too.
ARG PROFILE=tests
ARG FORCE_CUDA=0
ARG TORCH_CUDA_ARCH_LIST
# Compilers that run at once; empty: one per core.
ARG MAX_JOBS

SHELL ["/bin/bash", "-o", "pipefail", "-c"]
# Python with headers, a compiler for mmcv, and what OpenCV loads. Ubuntu 24.04 has Python 3.12.
RUN apt-get update \
    && DEBIAN_FRONTEND=noninteractive apt-get install --yes --no-install-recommends \
        ca-certificates g++ git libgl1 libglib2.0-0 python3 python3-dev python3-venv \
    && rm -rf /var/lib/apt/lists/*

WORKDIR /mmguided
# Install the environment before copying the code, from the files that its stamp depends on, so that
# a change of the code does not rebuild it.
COPY LICENSE README.md pyproject.toml setup.cfg setup.py ./
COPY requirements requirements
COPY tools/setup_env.sh tools/
COPY mmguided/__init__.py mmguided/version.py mmguided/
RUN --mount=type=cache,target=/var/cache/mmguided \
    XDG_CACHE_HOME=/var/cache/mmguided UV_LINK_MODE=copy bash tools/setup_env.sh "$PROFILE"
COPY . .
# Put the environment on PATH. Its stamp is valid, so the scripts install nothing more.
ENV PATH=/mmguided/.venv/bin:$PATH
RUN bash tools/setup_env.sh "$PROFILE" && python -c 'import mmguided.models'
CMD ["bash"]

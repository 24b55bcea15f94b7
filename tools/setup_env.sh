#!/usr/bin/env bash
# Make or complete .venv with the exact versions of requirements/.
#
#     bash tools/setup_env.sh pretrain   # everything for pretraining: about a minute
#     bash tools/setup_env.sh tests      # and mmdet, mmseg, test tools, mmcv with operators:
#                                        # the first build of mmcv takes 4-7 minutes on two cores
#
# Variables:
#     PYTHON       interpreter to make .venv from; default: the first of python3.11, python3.12, ...
#     FORCE_CUDA   1 builds mmcv's CUDA operators too; needs nvcc and far more time
#     MAX_JOBS     compilers that run at once; default: all cores
#
# A second run with nothing changed returns at once. The mmcv build is kept in
# ${XDG_CACHE_HOME:-~/.cache}/mmguided/wheels.
set -euo pipefail

PROFILE=${1:-}
cd "$(dirname "${BASH_SOURCE[0]}")/.."
VENV=$PWD/.venv
PY=$VENV/bin/python
UV_VERSION=0.13.8
MMCV=onedl-mmcv==2.3.6

say() { echo "[setup $PROFILE] $*"; }
die() {
    echo "error: $*" >&2
    exit 1
}

if [[ $PROFILE != pretrain && $PROFILE != tests ]]; then
    echo "usage: [PYTHON=python3.11] $0 pretrain|tests" >&2
    exit 2
fi

# .venv moved with its folder is broken: its place is part of the stamp.
stamp_of() {
    { echo "$1 $VENV"; cat requirements/*.txt setup.cfg setup.py pyproject.toml tools/setup_env.sh; } |
        sha256sum
}
is_done() {
    [[ -x $PY && -f $VENV/.mmguided-$1 && $(<"$VENV/.mmguided-$1") == "$(stamp_of "$1")" ]]
}

find_python() {
    local python
    for python in ${PYTHON:-python3.11 python3.12 python3.13 python3}; do
        # numpy, scipy and scikit-image of requirements/ need 3.11; venv and ensurepip are separate
        # packages on Debian and Ubuntu.
        if "$python" -c 'import sys, venv, ensurepip; sys.exit(sys.version_info < (3, 11))' \
            >/dev/null 2>&1; then
            echo "$python"
            return
        fi
    done
    die "${PYTHON:-python3.11, 3.12, 3.13, python3}: no Python >= 3.11 with venv found; install one" \
        "(Debian, Ubuntu: apt install python3.11 python3.11-venv) or set PYTHON=/path/to/python3.11"
}

make_venv() {
    if [[ -x $PY ]] && "$PY" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then
        "$PY" -m pip --version >/dev/null 2>&1 || "$PY" -m ensurepip
        return
    fi
    local python
    python=$(find_python)
    say "making .venv from $python ($("$python" --version))"
    "$python" -m venv --clear "$VENV"
}

uv_install() {
    "$PY" -m uv pip install --python "$PY" "$@" ||
        die "installing failed, see above; without network, point UV_INDEX_URL or UV_FIND_LINKS" \
            "at a copy of the packages"
}

install_packages() {
    if [[ $("$PY" -m uv --version 2>/dev/null) != "uv $UV_VERSION"* ]]; then
        say "installing uv $UV_VERSION"
        "$PY" -m pip install --quiet --disable-pip-version-check "uv==$UV_VERSION" ||
            die "installing uv failed, see above; without network, set PIP_INDEX_URL or" \
                "PIP_FIND_LINKS"
    fi
    say "installing requirements/$PROFILE.txt"
    uv_install -r "requirements/$PROFILE.txt"
}

install_mmcv() {
    if "$PY" -c 'import mmcv' 2>/dev/null; then
        say "keeping mmcv as it is"
    else
        say "installing $MMCV without operators"
        uv_install --no-deps "$MMCV"
    fi
}

install_mmcv_with_operators() {
    if "$PY" -c 'import mmcv.ops' 2>/dev/null; then
        say "keeping mmcv with operators as it is"
        return
    fi
    local key wheels wheel
    key=$("$PY" - "$MMCV" "${FORCE_CUDA:-0}" <<'PYTHON'
import platform, sys, torch
print(sys.argv[1].replace('==', '-'), sys.implementation.cache_tag, f'torch{torch.__version__}',
      'cuda' if sys.argv[2] == '1' else 'cpu', platform.machine(), sep='-')
PYTHON
    )
    wheels=${XDG_CACHE_HOME:-$HOME/.cache}/mmguided/wheels/$key
    wheel=$(compgen -G "$wheels/*.whl" || true)
    if [[ -z $wheel ]]; then
        build_mmcv "$wheels"
        wheel=$(compgen -G "$wheels/*.whl")
    fi
    say "installing ${wheel##*/} with operators"
    uv_install --no-deps --reinstall "$wheel"
    "$PY" -c 'import mmcv.ops' ||
        die "mmcv.ops of $wheel cannot be imported, see above; delete this file and try again"
}

build_mmcv() {
    local wheels=$1
    command -v g++ >/dev/null ||
        die "no g++ to build mmcv's operators with; install one (Debian, Ubuntu: apt install g++)"
    "$PY" -c 'import os, sysconfig as s; open(os.path.join(s.get_path("include"), "Python.h"))' \
        2>/dev/null ||
        die "no Python.h to build mmcv's operators with; install it (Debian, Ubuntu: apt install" \
            "python3.11-dev)"
    say "building $MMCV with operators: 4-7 minutes on two cores, once; from $(date +%H:%M)"
    mkdir -p "$(dirname "$wheels")"
    PARTIAL=$(mktemp -d "$wheels.XXXXXX")
    trap 'rm -rf "$PARTIAL"' EXIT
    # Without FORCE_CUDA, GPUs are hidden: where it sees one, mmcv's setup insists on nvcc.
    # No cache: pip might have kept a wheel without operators.
    [[ ${FORCE_CUDA:-0} == 1 ]] || export CUDA_VISIBLE_DEVICES=
    PATH=$VENV/bin:$PATH CFLAGS="-O1 -g0 -w" MMCV_WITH_OPS=1 MAX_JOBS=${MAX_JOBS:-$(nproc)} \
        "$PY" -m pip wheel --disable-pip-version-check --no-cache-dir --no-build-isolation \
        --no-deps --wheel-dir "$PARTIAL" "$MMCV" ||
        die "building mmcv failed, see above"
    [[ $("$PY" -m zipfile -l "$PARTIAL"/*.whl) == *mmcv/_ext* ]] ||
        die "the mmcv wheel was built without operators; please report it with the output above"
    # Only a finished build gets the name that later runs look for.
    rm -rf "$wheels"
    mv "$PARTIAL" "$wheels"
}

if is_done "$PROFILE"; then
    exit 0
fi
make_venv
install_packages
if [[ $PROFILE == tests ]]; then
    install_mmcv_with_operators
else
    install_mmcv
fi
say "installing mmguided in editable mode"
uv_install --no-deps --no-build-isolation --quiet --editable .
if [[ $PROFILE == tests ]]; then
    stamp_of pretrain >"$VENV/.mmguided-pretrain"
fi
stamp_of "$PROFILE" >"$VENV/.mmguided-$PROFILE"
say "done in ${SECONDS} s: $PY"

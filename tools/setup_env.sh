#!/usr/bin/env bash
# Make or complete .venv with the exact versions of requirements/locked.txt. Every file that is
# downloaded must have a hash of that list.
#
#     bash tools/setup_env.sh pretrain   # everything for pretraining
#     bash tools/setup_env.sh tests      # also mmdet, mmseg, the test tools and the documentation tools
#
# Variables:
#     PYTHON   interpreter to make .venv from; default: the first of python3.11, python3.12, ...
#
# Needs no compiler. A second run with nothing changed returns at once. If mmcv was built with
# operators (docs/downstream.md), it is kept.
set -euo pipefail

PROFILE=${1:-}
cd "$(dirname "${BASH_SOURCE[0]}")/.."
VENV=$PWD/.venv
PY=$VENV/bin/python
LOCKED=requirements/locked.txt

say() { echo "[setup $PROFILE] $*"; }
die() {
    echo "error: $*" >&2
    exit 1
}

if [[ $PROFILE != pretrain && $PROFILE != tests ]]; then
    echo "usage: [PYTHON=python3.11] $0 pretrain|tests" >&2
    exit 2
fi

# A .venv that was moved with its folder is broken, so its path is part of the stamp.
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
    local uv_version
    uv_version=$(sed -n 's/^uv==\([0-9.]*\).*/\1/p' "$LOCKED")
    if [[ $("$PY" -m uv --version 2>/dev/null) != "uv $uv_version"* ]]; then
        say "installing uv $uv_version"
        "$PY" -m pip install --quiet --disable-pip-version-check --require-hashes \
            -r <(awk '/^[a-z]/ {keep = /^uv==/} keep' "$LOCKED") ||
            die "installing uv failed, see above; without network, set PIP_INDEX_URL or" \
                "PIP_FIND_LINKS"
    fi
    say "installing requirements/$PROFILE.txt"
    uv_install -r "requirements/$PROFILE.txt" --require-hashes --constraints "$LOCKED" \
        --build-constraints "$LOCKED"
}

if is_done "$PROFILE"; then
    exit 0
fi
make_venv
install_packages
say "installing mmguided in editable mode"
uv_install --no-deps --no-build-isolation --quiet --editable .
if [[ $PROFILE == tests ]]; then
    stamp_of pretrain >"$VENV/.mmguided-pretrain"
fi
stamp_of "$PROFILE" >"$VENV/.mmguided-$PROFILE"
say "done in ${SECONDS} s: $PY"

#!/usr/bin/env bash
# Train on several GPUs, or, without a GPU, in several CPU processes.
#
# One machine:     bash tools/dist_train.sh CONFIG GPUS [options of train.py]
# Two machines:    NNODES=2 NODE_RANK=0 MASTER_ADDR=10.0.0.1 PORT=29500 bash tools/dist_train.sh CONFIG GPUS
#                  NNODES=2 NODE_RANK=1 MASTER_ADDR=10.0.0.1 PORT=29500 bash tools/dist_train.sh CONFIG GPUS
#
# GPUS is the number of processes per machine. PORT is a free port by default, or 29500 with several machines.
# PYTHON is the interpreter, by default that of the active environment, or else of .venv.
set -euo pipefail

if (($# < 2)); then
    echo "usage: [NNODES=1 NODE_RANK=0 MASTER_ADDR=127.0.0.1 PORT=...] $0 CONFIG GPUS [options of train.py]" >&2
    exit 2
fi
exec bash "$(dirname "$0")/dist_launch.sh" train.py "$2" "$1" "${@:3}"

#!/usr/bin/env bash
# Test on several GPUs, or, without a GPU, in several CPU processes. dist_train.sh
# explains the variables.
#
#     bash tools/dist_test.sh CONFIG CHECKPOINT GPUS [options of test.py]
set -euo pipefail

if (($# < 3)); then
    echo "usage: [NNODES=1 NODE_RANK=0 MASTER_ADDR=127.0.0.1 PORT=...] $0 CONFIG CHECKPOINT GPUS [options of test.py]" >&2
    exit 2
fi
exec bash "$(dirname "$0")/dist_launch.sh" test.py "$3" "$1" "$2" "${@:4}"

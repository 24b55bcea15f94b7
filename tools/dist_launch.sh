#!/usr/bin/env bash
# Start `SCRIPT ARGS... --launcher pytorch` on GPUS processes of this machine; called by
# dist_train.sh and dist_test.sh, which explain the variables.
set -euo pipefail

SCRIPT=$1
GPUS=$2
shift 2

HERE=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
ROOT=$(dirname "$HERE")
NNODES=${NNODES:-1}
NODE_RANK=${NODE_RANK:-0}
MASTER_ADDR=${MASTER_ADDR:-127.0.0.1}

if ! [[ $GPUS =~ ^[1-9][0-9]*$ ]]; then
    echo "error: GPUS=$GPUS must be a number of processes, such as 8" >&2
    exit 2
fi
# Without an active environment, use the one that quickstart.sh creates.
if [[ -z ${PYTHON:-} ]]; then
    PYTHON=python
    if [[ -z ${VIRTUAL_ENV:-}${CONDA_PREFIX:-} && -x $ROOT/.venv/bin/python ]]; then
        PYTHON=$ROOT/.venv/bin/python
    fi
fi
if [[ -z ${PORT:-} ]]; then
    PORT=29500  # all machines need the same port
    if [[ $NNODES == 1 ]]; then  # two jobs on one machine need different ports
        PORT=$("$PYTHON" -c 'import socket; s = socket.socket(); s.bind(("", 0)); print(s.getsockname()[1])')
    fi
fi

PYTHONPATH="$ROOT${PYTHONPATH:+:$PYTHONPATH}" exec "$PYTHON" "$HERE/torchrun.py" \
    --nnodes="$NNODES" --node_rank="$NODE_RANK" --master_addr="$MASTER_ADDR" \
    --master_port="$PORT" --nproc_per_node="$GPUS" \
    "$HERE/$SCRIPT" "$@" --launcher pytorch

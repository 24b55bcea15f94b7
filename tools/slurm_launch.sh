#!/usr/bin/env bash
# Run `SCRIPT ARGS... --launcher slurm` through srun; called by slurm_train.sh and slurm_test.sh,
# which explain the variables.
set -euo pipefail

SCRIPT=$1
PARTITION=$2
JOB_NAME=$3
shift 3

HERE=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
ROOT=$(dirname "$HERE")
GPUS=${GPUS:-8}
GPUS_PER_NODE=${GPUS_PER_NODE:-$((GPUS < 8 ? GPUS : 8))}
CPUS_PER_TASK=${CPUS_PER_TASK:-5}
read -ra SRUN_ARGS <<<"${SRUN_ARGS:-}"
if [[ -n ${PORT:-} ]]; then
    export MASTER_PORT=$PORT
fi

PYTHONPATH="$ROOT${PYTHONPATH:+:$PYTHONPATH}" exec srun \
    --partition="$PARTITION" --job-name="$JOB_NAME" --gres="gpu:$GPUS_PER_NODE" \
    --ntasks="$GPUS" --ntasks-per-node="$GPUS_PER_NODE" --cpus-per-task="$CPUS_PER_TASK" \
    --kill-on-bad-exit=1 ${SRUN_ARGS[@]+"${SRUN_ARGS[@]}"} \
    "${PYTHON:-python}" -u "$HERE/$SCRIPT" "$@" --launcher slurm

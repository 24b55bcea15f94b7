#!/usr/bin/env bash
# Run `SCRIPT ARGS... --launcher slurm` through srun; called by slurm_train.sh, which submits it as
# a batch job, and by slurm_test.sh.
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
export PYTHONPATH="$ROOT${PYTHONPATH:+:$PYTHONPATH}"

RESOURCES=(--partition="$PARTITION" --job-name="$JOB_NAME" --gres="gpu:$GPUS_PER_NODE"
    --ntasks="$GPUS" --ntasks-per-node="$GPUS_PER_NODE" --cpus-per-task="$CPUS_PER_TASK")
RUN=(srun "${RESOURCES[@]}" --kill-on-bad-exit=1 ${SRUN_ARGS[@]+"${SRUN_ARGS[@]}"}
    "${PYTHON:-python}" -u "$HERE/$SCRIPT" "$@" --launcher slurm)
if [[ -z ${BATCH_LOG:-} ]]; then
    exec "${RUN[@]}"
fi

mkdir -p "$(dirname "$BATCH_LOG")"
# 75: a signal has stopped the run, and a checkpoint is saved.
exec sbatch "${RESOURCES[@]}" --requeue --signal=USR1@120 --open-mode=append \
    --output="$BATCH_LOG" <<JOB
#!/usr/bin/env bash
$(printf '%q ' "${RUN[@]}") \${SLURM_RESTART_COUNT:+--resume}
code=\$?
if [[ \$code == 75 ]]; then
    exec scontrol requeue "\$SLURM_JOB_ID"
fi
exit \$code
JOB

#!/usr/bin/env bash
# Submit a training to Slurm.
#
#     [GPUS=8 GPUS_PER_NODE=8 CPUS_PER_TASK=5 SRUN_ARGS=... PORT=29500 PYTHON=python] \
#         bash tools/slurm_train.sh PARTITION JOB_NAME CONFIG WORK_DIR [options of train.py]
#
# GPUS is the total over all machines. Set PORT if two jobs can share a machine. The log is
# WORK_DIR/slurm-JOBID.log. Two minutes before the time limit, and on preemption, the run saves a
# checkpoint; the job is requeued and resumes. sbatch reads its other options from the environment,
# such as SBATCH_TIMELIMIT=24:00:00 and SBATCH_ACCOUNT.
set -euo pipefail

if (($# < 4)); then
    echo "usage: [GPUS=8 GPUS_PER_NODE=8] $0 PARTITION JOB_NAME CONFIG WORK_DIR [options of train.py]" >&2
    exit 2
fi
BATCH_LOG="$4/slurm-%j.log" exec bash "$(dirname "$0")/slurm_launch.sh" \
    train.py "$1" "$2" "$3" --work-dir "$4" "${@:5}"

#!/usr/bin/env bash
# Pretrain a small ViT with ccMIM and with MAE on a CPU, and compare both with the untrained ViT.
#
#     bash tools/quickstart.sh                # MNIST digits and photographs from installed packages
#     bash tools/quickstart.sh IMAGE_FOLDER   # any folder of images, without evaluation
#     bash tools/quickstart.sh IMAGE_FOLDER --folder-labels    # the sub-folders are classes
#
# Options:
#     --folder-labels  evaluate with the sub-folders of IMAGE_FOLDER as classes
#     --max-images N   use at most about N images
#     --epochs N       default: about 1,140 steps of 64 images, for any number of images
#     --work-dir DIR   new folder, or the folder of an earlier quickstart, whose runs are replaced;
#                      default: work_dirs/quickstart of the repository
#
# The script first creates .venv (about two minutes, once), unless the variable PY names a Python interpreter
# with all requirements.
set -euo pipefail

ROOT=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
WORK=$ROOT/work_dirs/quickstart
EPOCHS=
IMAGES=()

fail() {
    echo "error: $1" >&2
    exit 1
}
check_value() {
    [[ -n ${2:-} && $2 != --* ]] || fail "$1: the value is missing. Add it."
}

while (($#)); do
    case $1 in
        --epochs) check_value "$@" && EPOCHS=$2 && shift 2 ;;
        --work-dir) check_value "$@" && WORK=$2 && shift 2 ;;
        --folder-labels) IMAGES+=("$1") && shift ;;
        --max-images) check_value "$@" && IMAGES+=("$1" "$2") && shift 2 ;;
        *) IMAGES+=("$1") && shift ;;
    esac
done
if [[ ! -e $WORK/.quickstart && -n $(ls -A "$WORK" 2>/dev/null) ]]; then
    fail "--work-dir=$WORK: not empty and not made by the quickstart. Give a new folder."
fi

if [[ -z ${PY:-} ]]; then
    bash "$ROOT/tools/setup_env.sh" pretrain
    PY=$ROOT/.venv/bin/python
fi
# Use two parallel runs on two cores. Warnings of the libraries go to the logs.
export OMP_NUM_THREADS=1 PYTHONWARNINGS=ignore

count() { find "$1" -name '*.png' 2>/dev/null | wc -l || true; }
min() { echo $(($1 < $2 ? $1 : $2)); }

rm -rf "$WORK"/{ccmim,mae,evaluation}
mkdir -p "$WORK"
touch "$WORK/.quickstart"
"$PY" "$ROOT/tools/prepare_quickstart.py" "${IMAGES[@]}" --out "$WORK"
BATCH=$(min 64 "$(count "$WORK/data/train")")
STEPS=$(($(count "$WORK/data/train") / BATCH))
EPOCHS=${EPOCHS:-$(((1140 + STEPS - 1) / STEPS))}

# Replace the subshell, so that kill ends Python.
pretrain() {
    exec "$PY" "$ROOT/tools/train.py" "$ROOT/configs/quickstart/$1_vit-micro.py" \
        --work-dir "$WORK/$1" --data-root "$WORK/data" --cfg-options \
        train_cfg.max_epochs="$EPOCHS" train_dataloader.batch_size="$BATCH" >"$WORK/$1.log"
}

echo "pretraining with ccMIM and MAE, $EPOCHS epochs of $STEPS steps; logs: $WORK/{ccmim,mae}.log"
trap 'kill $(jobs -p) 2>/dev/null || true' EXIT
pretrain mae 2>"$WORK/mae.err" &
(pretrain ccmim)
wait $! || { tail -n 1 "$WORK/mae.err" >&2 && exit 1; }
"$PY" "$ROOT/tools/visualization/compare_losses.py" ccMIM="$WORK/ccmim" MAE="$WORK/mae" \
    --out "$WORK/loss_curves.png" >/dev/null

NUM=$(count "$WORK/data/train/labeled")
if ((NUM >= 10)); then
    "$PY" "$ROOT/tools/evaluate.py" --untrained \
        mae="$WORK/mae/epoch_$EPOCHS.pth" ccmim="$WORK/ccmim/epoch_$EPOCHS.pth" \
        --protocols "$ROOT"/configs/quickstart/ccmim_vit-micro_{knn,linear}.py \
        --data-root "$WORK/data" --out "$WORK/evaluation" --jobs 2 --cfg-options \
        train_dataloader.batch_size="$(min 128 "$NUM")" \
        model.head.num_classes="$(find "$WORK/data/train/labeled" -mindepth 1 -type d | wc -l)"
else
    echo 'No evaluation: it needs labels. If the sub-folders are classes, add --folder-labels; at least' \
        'two sub-folders and ten training images are needed.'
fi

cat <<EOT

checkpoints   $WORK/{mae,ccmim}/epoch_$EPOCHS.pth
figures       $WORK/ccmim/figures
loss curves   $WORK/loss_curves.png
logs          $WORK/{mae,ccmim}.log
evaluation    $WORK/evaluation/evaluation.md (labeled images only)

This run is too short to rank the methods. Next: configs/ccmim has the full-size configs, for example
    bash tools/dist_train.sh configs/ccmim/vit-b_800e.py 8
EOT

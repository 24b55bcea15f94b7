#!/usr/bin/env bash
# Pretrain a small ViT with ccMIM and with MAE and look at the result, in minutes, without a GPU.
#
#     bash tools/quickstart.sh                # MNIST digits and photographs from installed packages
#     bash tools/quickstart.sh IMAGE_FOLDER   # any folder of images, labeled by sub-folder or not
#
# Makes .venv first (about two minutes, once). Everything else goes to work_dirs/quickstart/ of the
# repository. Options of tools/quickstart.py may follow.
set -euo pipefail

ROOT=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
bash "$ROOT/tools/setup_env.sh" pretrain
exec "$ROOT/.venv/bin/python" "$ROOT/tools/quickstart.py" "$@"

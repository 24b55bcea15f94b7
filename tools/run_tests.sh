#!/usr/bin/env bash
# Complete .venv with what the tests need, then run pytest; options and paths go to pytest.
#
#     bash tools/run_tests.sh                      # the whole suite, side by side; its slowest tests
#     bash tools/run_tests.sh tests/test_models -k parity    # files or folders, in one process
#     bash tools/run_tests.sh tests/test_models -n 2         # in two
set -euo pipefail

cd "$(dirname "${BASH_SOURCE[0]}")/.."
bash tools/setup_env.sh tests

# Tests run side by side; with one thread each they repeat to the last bit.
export OMP_NUM_THREADS=1
# Dozens of processes import the toolboxes, which takes less than half the time once compiled.
unset PYTHONDONTWRITEBYTECODE

# A process for each core, up to 8, since each needs up to 2 GB. Starting them costs several
# seconds, which a few files are not worth.
options=(-n auto --maxprocesses 8 --dist worksteal --durations 25)
for argument in "$@"; do
    if [[ -e ${argument%%::*} ]]; then
        options=()
    fi
done
exec .venv/bin/python -m pytest "${options[@]}" "$@"

#!/usr/bin/env bash
# Install the test requirements into .venv, then run pytest with the given options and paths.
#
#     bash tools/run_tests.sh                      # all tests in parallel; prints the slowest tests
#     bash tools/run_tests.sh tests/test_models -k parity    # files or folders, in one process
#     bash tools/run_tests.sh tests/test_models -n 2         # in two processes
set -euo pipefail

cd "$(dirname "${BASH_SOURCE[0]}")/.."
bash tools/setup_env.sh tests

# Tests run in parallel. With one thread each, results are bitwise reproducible.
export OMP_NUM_THREADS=1
# Many processes import the toolboxes; compiling them once more than halves the import time.
unset PYTHONDONTWRITEBYTECODE

# Use a process for each core, at most 8, because each needs up to 2 GB. Starting them takes several
# seconds, so a few files run in a single process.
options=(-n auto --maxprocesses 8 --dist worksteal --durations 25)
for argument in "$@"; do
    if [[ -e ${argument%%::*} ]]; then
        options=()
    fi
done
exec .venv/bin/python -m pytest "${options[@]}" "$@"

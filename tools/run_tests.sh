#!/usr/bin/env bash
# Complete .venv with what the tests need, then run pytest; options and paths go to pytest.
#
#     bash tools/run_tests.sh                      # the whole suite
#     bash tools/run_tests.sh tests/test_models -k parity
set -euo pipefail

cd "$(dirname "${BASH_SOURCE[0]}")/.."
bash tools/setup_env.sh tests
exec .venv/bin/python -m pytest "$@"

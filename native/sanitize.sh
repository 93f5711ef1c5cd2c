#!/usr/bin/env bash
# Build the core with the address and undefined-behaviour sanitizers and run its tests on that build.
#
# PYTHON names the interpreter of a development environment (default: the project's .venv).
set -euo pipefail
cd "$(dirname "$0")/.."
python=${PYTHON:-.venv/bin/python}

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cp -r native/pyproject.toml native/setup.py native/src "$work"
SANITIZE=address,undefined "$python" -m pip install --quiet --no-deps --no-build-isolation --target "$work/site" "$work"

# The interpreter itself is not instrumented, so the runtime comes first and its own leaks are left alone.
LD_PRELOAD="$(g++ -print-file-name=libasan.so) $(g++ -print-file-name=libubsan.so) $(g++ -print-file-name=libstdc++.so.6)"
export LD_PRELOAD
export ASAN_OPTIONS=detect_leaks=0:allocator_may_return_null=1 UBSAN_OPTIONS=print_stacktrace=1
export PYTHONPATH="$work/site" PYTHONMALLOC=malloc OMP_NUM_THREADS=1
"$python" -c "import sys, _xgboost_serving as core; sys.exit(not core.__file__.startswith('$work'))"
"$python" -m pytest -q -p no:cacheprovider tests/unit/native tests/unit/model/test_forest.py \
  tests/unit/model/test_explainer.py tests/unit/training/boosting/test_elementwise.py "$@"

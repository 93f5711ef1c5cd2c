#!/usr/bin/env bash
# Train on the Ames house sales, serve the model, and compare its predictions for held-out houses with what they
# sold for. In the image where a Docker daemon answers (it is built where it is missing), else in a Python
# environment, which is made where it is missing. Everything is stopped and removed at the end.
#
# usage: demo.sh [--image IMAGE] [--no-docker] [--python PYTHON]
#
#   --image      default: sagemaker-xgboost, or sagemaker-xgboost:cpu where only that is built
#   --no-docker  the Python environment, even where a Docker daemon answers
#   --python     no Docker either, but a Python that has what requirements/local.txt lists
set -euo pipefail
# shellcheck source=local_test/common.sh
. "$(dirname "$0")/common.sh"
options "--image --no-docker --python" "$@"

work='' child=''
cleanup() {
  trap '' INT TERM HUP
  if [ -n "$child" ]; then
    kill -TERM "$child" 2>/dev/null || true
    wait "$child" 2>/dev/null || true
  fi
  [ -z "$work" ] || rm -rf "$work"
}
trap cleanup EXIT
trap 'exit 130' INT
trap 'exit 143' TERM HUP

make_target() { "${MAKE:-make}" --silent --no-print-directory -C "$root" "$@"; }

failed() {
  say "" "$1 failed; its log ends:" >&2
  tail -n 20 "$work/$1.log" >&2
  exit 1
}

if [ -z "$no_docker$python" ]; then
  if ! docker info >/dev/null 2>&1; then
    no_docker="No Docker daemon answers"
  elif ! find_image && ! "$root/tools/find-docker" >/dev/null 2>&1; then
    no_docker="Docker is here, but without the buildx plugin it cannot build the image"
  fi
  [ -z "$no_docker" ] || say "$no_docker: using a Python environment instead."
fi
if [ -z "$no_docker$python" ]; then
  find_image || {
    say "Building the image $image:cpu (some minutes, once)"
    make_target image-cpu IMAGE="$image" || die "the image was not built; to go without Docker: $typed/demo.sh --no-docker"
  }
  need_docker
  where="in the image $image"
else
  if [ -z "$python" ]; then
    python=${VENV:-.venv}/bin/python
    case $python in /*) ;; *) python=$root/$python ;; esac
    [ -x "$python" ] || say "Making the Python environment ${VENV:-.venv} (some minutes, once)"
    make_target venv
  fi
  where="with $python"
fi

# The same two programs either way: `train` and `serve`.
if [ -n "$python" ]; then
  work=$(mktemp -d "${TMPDIR:-/tmp}/xgboost-demo.XXXXXX")
  train() { SAGEMAKER_BASE_DIR=$work exec "$python" "$root/train"; }
  serve() { SAGEMAKER_BASE_DIR=$work SAGEMAKER_BIND_TO_PORT=$port exec "$python" "$root/serve"; }
else
  mkdir -p "$here/work"
  work=$(mktemp -d "$here/work/demo.XXXXXX") # Docker's virtual machines see the home folder, not always /tmp
  train() { exec "$here/train_local.sh" --image "$image" "$work"; }
  serve() { exec "$here/serve_local.sh" --image "$image" --port "$port" "$work"; }
fi
"$here/seed.sh" "$work"
houses=$(($(wc -l <"$work/input/data/train/ames.csv") - 1))
say "Training on $houses Ames house sales, $where"
apart train >"$work/train.log" 2>&1
child=$!
wait "$child" || failed train
# The log without the long lists of names, and five of its hundred rounds.
grep -E '^  (train|target|features|ignored|objective) |^\[(0|24|49|74|99)\]' "$work/train.log"

port=$((20000 + RANDOM % 10000))
while answers "$port"; do port=$((port + 1)); done
say "" "Serving on port $port"
apart serve >"$work/serve.log" 2>&1
child=$!
until http "http://127.0.0.1:$port/ping" >/dev/null; do
  kill -0 "$child" 2>/dev/null || failed serve
  sleep 0.2
done

say "" "Predicting the prices of houses that training did not see" ""
http "http://127.0.0.1:$port/invocations" "$work/held_out/rows.csv" text/csv text/csv >"$work/predictions.csv" ||
  { cat "$work/predictions.csv" >&2; failed serve; }
awk -f "$here/compare.awk" "$work/held_out/rows.csv" "$work/held_out/prices.csv" "$work/predictions.csv"

cleanup
child='' work=''
say "" "The server is stopped and its files are removed. Next, the same step by step, with Docker:" \
  "  local_test/train_local.sh    train, and keep the model" \
  "  local_test/serve_local.sh    serve it at http://127.0.0.1:8080 until Ctrl-C" \
  "  local_test/predict.sh        in another terminal: send it three houses" \
  "Your own data, and an endpoint on SageMaker: README.md"

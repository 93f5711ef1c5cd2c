#!/usr/bin/env bash
# Serve a model as SageMaker does, on this machine: docker run IMAGE serve, until Ctrl-C.
#
# usage: serve_local.sh [--dev] [--image IMAGE] [--port PORT] [FOLDER] [-- DOCKER_OPTION...]
#
#   FOLDER   has model/xgboost-model, which train_local.sh leaves there. Default: local_test/work/ames
#   --port   of this machine, on the loopback interface alone. Default: 8080
#   --dev    run container/ as it is now instead of what is in the image: change, run, no rebuild
#   --image  default: sagemaker-xgboost, or sagemaker-xgboost:cpu where only that is built
#   --       what follows goes to docker run, such as -- --env SAGEMAKER_MODEL_SERVER_WORKERS=2
set -euo pipefail
# shellcheck source=local_test/common.sh
. "$(dirname "$0")/common.sh"
options "--dev --image --port" "$@"
need_docker

[ -e "$folder/model/xgboost-model" ] || die "there is no model in $folder/model yet; run: $typed/train_local.sh$again${file:+ $file}"
! answers "$port" || die "port $port is taken; choose another: $typed/serve_local.sh$again --port $((port + 1))${file:+ $file}"

trap 'exit 130' INT TERM HUP
start serve --publish "127.0.0.1:$port:8080" --volume "$folder/model:/opt/ml/model:ro"
stopped=''
stop() {
  trap 'exit 130' INT TERM HUP
  stopped=yes
  docker stop --time 30 "$name" >/dev/null
}
trap stop INT TERM HUP
follow

until http "http://127.0.0.1:$port/ping" >/dev/null || ! running; do sleep 0.2; done
if running; then
  [ "$port" = 8080 ] && ask=predict.sh || ask="predict.sh --port $port"
  say "" "Serving at http://127.0.0.1:$port until Ctrl-C. Next, in another terminal: $typed/$ask"
fi
finish
[ -n "$stopped" ] || die "the container ended by itself, with exit code $code; its last lines are above"

#!/usr/bin/env bash
# A multi-model endpoint on this machine: two models are loaded, listed, asked and unloaded while the server runs.
#
# usage: multi_model_local.sh [--image IMAGE] [FOLDER]
#
#   FOLDER   has model/xgboost-model of the Ames house sales, which train_local.sh leaves there.
#            Default: local_test/work/ames
#   --image  default: sagemaker-xgboost, or sagemaker-xgboost:cpu where only that is built
#
# The models are twice that one, under two names. SageMaker would unpack the model.tar.gz that a request names in its
# TargetModel, and send these requests by itself.
set -euo pipefail
# shellcheck source=local_test/common.sh
. "$(dirname "$0")/common.sh"
trap 'exit 130' INT TERM HUP
options "--image" "$@"
need_docker
rows=$here/work/ames/held_out/three.csv
for needed in "$folder/model/xgboost-model" "$rows"; do
  [ -e "$needed" ] || die "there is no $needed yet; run: $typed/train_local.sh"
done

show() { # METHOD PATH [FILE CONTENT_TYPE]: the request and its reply, which must be a good one
  say "$1 $2"
  METHOD=$1 http "$url$2" ${3:+"$3" "$4" text/csv} | sed 's/^/  /' || die "that was refused; the reply above says why"
}

start serve --publish 127.0.0.1::8080 --env SAGEMAKER_MULTI_MODEL=true \
  --volume "$folder/model:/opt/ml/models/first/model:ro" --volume "$folder/model:/opt/ml/models/second/model:ro"
healthy
work=$(mktemp -d)
trap 'remove; rm -rf "$work"' EXIT
for model in first second; do
  say "{\"model_name\": \"$model\", \"url\": \"/opt/ml/models/$model/model\"}" >"$work/load"
  show POST /models "$work/load" application/json
done
show GET /models
show POST /models/first/invoke "$rows" text/csv
show POST /models/second/invoke "$rows" text/csv
show DELETE /models/first
show DELETE /models/second
show GET /models
say "" "Next: on SageMaker, a request names its model: invoke_endpoint(…, TargetModel=\"first.tar.gz\")"

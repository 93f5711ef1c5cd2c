#!/usr/bin/env bash
# Train as SageMaker does, on this machine: docker run IMAGE train, with a folder of yours as /opt/ml.
#
# usage: train_local.sh [--dev] [--image IMAGE] [FOLDER] [-- DOCKER_OPTION...]
#
#   FOLDER   has input/config/hyperparameters.json and the data in input/data/train/; the model goes to model/.
#            Default: local_test/work/ames, made from the Ames house sales on first use.
#   --dev    run container/ as it is now instead of what is in the image: change, run, no rebuild
#   --image  default: sagemaker-xgboost, or sagemaker-xgboost:cpu where only that is built
#   --       what follows goes to docker run, such as -- --gpus all
#
# Ctrl-C stops the job as SageMaker would: the model of the rounds done is saved. Twice ends it at once.
set -euo pipefail
# shellcheck source=local_test/common.sh
. "$(dirname "$0")/common.sh"
options "--dev --image" "$@"
need_docker

[ -z "$file" ] && [ ! -e "$folder/input/data/train" ] && "$here/seed.sh"
[ -d "$folder/input/data" ] || die "$folder has no input/data; put the training data into input/data/train there"
mkdir -p "$folder/model" "$folder/output/data"
rm -f "$folder/model/xgboost-model" "$folder/output/failure" # of an earlier run

trap 'exit 130' INT TERM HUP
start train --volume "$folder:/opt/ml"
stopped=''
stop() {
  trap 'exit 130' INT TERM HUP
  stopped=yes
  # Before its first line there is no model to wait for.
  [ -n "$(docker logs "$name" 2>&1)" ] || exit 130
  say "Stopping after this round; Ctrl-C again ends it at once."
  docker stop --time 120 "$name" >/dev/null
}
trap stop INT TERM HUP
follow
finish

if [ "$code" -ne 0 ]; then
  [ -z "$stopped" ] || exit 130
  [ ! -s "$folder/output/failure" ] || say "" "What SageMaker would show as FailureReason:" "$(cat "$folder/output/failure")"
  die "the job ended with exit code $code"
fi
say "" "Next: $typed/serve_local.sh$again${file:+ $file}"

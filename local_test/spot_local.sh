#!/usr/bin/env bash
# A spot instance is taken away in the middle of training, and the job goes on elsewhere, from its checkpoints.
#
# usage: spot_local.sh [--image IMAGE]
#
#   --image  default: sagemaker-xgboost, or sagemaker-xgboost:cpu where only that is built
#
# Trains on the Ames house sales three times: without a break, until it is killed, and on from there. The two models are
# the same, bit by bit. The job's files are in local_test/work/spot.
set -euo pipefail
# shellcheck source=local_test/common.sh
. "$(dirname "$0")/common.sh"
trap 'exit 130' INT TERM HUP
options "--image" "$@"
[ -z "$file" ] || die "it takes no argument, got '$file'; see ${0##*/} --help"
need_docker
[ -e "$folder/input/data/train" ] || "$here/seed.sh"

work=$here/work/spot
rm -rf "$work"
for job in unbroken broken; do
  mkdir -p "$work/$job/model" "$work/$job/output/data" "$work/$job/checkpoints"
  cp -R "$folder/input" "$work/$job"
  say '{"target": "price", "num_round": "400", "max_depth": "3", "nthread": "1", "checkpoint_interval": "5"}' \
    >"$work/$job/input/config/hyperparameters.json"
done

train() { # JOB: in the background, as on a new instance
  start train --volume "$work/$1:/opt/ml"
}
ended() { # and then the container of that instance is gone
  follow
  finish
  remove
}

say "Training without a break"
train unbroken
ended | tail -n 1
cmp -s /dev/null "$work/unbroken/model/xgboost-model" && die "that left no model"

say "" "The same job, killed after its second checkpoint"
train broken
until [ "$(find "$work/broken/checkpoints" -type f | wc -l)" -ge 2 ]; do
  running || die "it ended before it could be killed"
  sleep 0.1
done
docker kill "$name" >/dev/null
ended | tail -n 1
[ ! -e "$work/broken/model/xgboost-model" ] || die "it ended before it was killed"

say "" "A new instance finds the checkpoints and goes on"
train broken
ended | grep -E 'checkpoint|resum' || true
cmp "$work/unbroken/model/xgboost-model" "$work/broken/model/xgboost-model" || die "the models differ"
say "" "The model is the same as without a break, bit by bit." \
  "" "Next: on SageMaker, use_spot_instances=True with a checkpoint_s3_uri does this: docs/training.md"

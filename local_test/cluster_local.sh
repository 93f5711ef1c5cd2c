#!/usr/bin/env bash
# Train on two hosts on this machine: two containers on a network of their own, each with one half of the rows.
#
# usage: cluster_local.sh [--image IMAGE]
#
#   --image  default: sagemaker-xgboost, or sagemaker-xgboost:cpu where only that is built
#
# The rows are the Ames house sales. The model is in local_test/work/cluster/algo-1/model.
set -euo pipefail
# shellcheck source=local_test/common.sh
. "$(dirname "$0")/common.sh"
trap 'exit 130' INT TERM HUP
options "--image" "$@"
[ -z "$file" ] || die "it takes no argument, got '$file'; see ${0##*/} --help"
need_docker
[ -e "$folder/input/data/train" ] || "$here/seed.sh"

work=$here/work/cluster hosts="algo-1 algo-2" network=xgboost-cluster-$$
rm -rf "$work"
for host in $hosts; do
  mkdir -p "$work/$host/input/config" "$work/$host/input/data/train" "$work/$host/model" "$work/$host/output/data"
  # A thread each, as both hosts are on this machine.
  say '{"target": "price", "num_round": "30", "max_depth": "4", "nthread": "1"}' >"$work/$host/input/config/hyperparameters.json"
  # ShardedByS3Key: each host was given other files.
  say '{"train": {"ContentType": "text/csv", "TrainingInputMode": "File", "S3DistributionType": "ShardedByS3Key"}}' \
    >"$work/$host/input/config/inputdataconfig.json"
  say "{\"current_host\": \"$host\", \"hosts\": [\"algo-1\", \"algo-2\"], \"network_interface_name\": \"eth0\"}" \
    >"$work/$host/input/config/resourceconfig.json"
done
awk -v work="$work" '
  NR == 1 { for (host = 1; host <= 2; host++) print >(work "/algo-" host "/input/data/train/rows.csv"); next }
  { print >(work "/algo-" (NR % 2 + 1) "/input/data/train/rows.csv") }' "$folder/input/data/train/ames.csv"

clean_up() {
  trap '' INT TERM HUP
  wait "$starting" 2>/dev/null || true # until it is there to be removed
  for host in $hosts; do docker rm --force "$network-$host" >/dev/null 2>&1 || true; done
  docker network rm "$network" >/dev/null 2>&1 || true
}
trap clean_up EXIT
apart docker network create --internal "$network" >/dev/null
starting=$!
wait "$starting"
for host in $hosts; do
  apart docker run --detach --name "$network-$host" --network "$network" --network-alias "$host" --hostname "$host" \
    --user "$user" --env HOME=/tmp --volume "$work/$host:/opt/ml" "$image" train >/dev/null
  starting=$!
  wait "$starting"
done
apart docker logs --follow "$network-algo-1"
wait $! || true
for host in $hosts; do
  code=$(docker wait "$network-$host")
  [ "$code" = 0 ] || die "$host ended with exit code $code: $(cat "$work/$host/output/failure" 2>/dev/null)"
done
say "" "Two hosts trained on one half of the rows each, and the first wrote the model." \
  "" "Next: $typed/serve_local.sh$again $work/algo-1"

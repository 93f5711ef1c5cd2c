#!/usr/bin/env bash
# An endpoint under load on this machine: so many requests from so many clients at once, and how long they took.
#
# usage: load_local.sh [--image IMAGE] [--requests N] [--clients N] [--rows FILE] [FOLDER] [-- DOCKER_OPTION...]
#
#   FOLDER      has model/xgboost-model, which train_local.sh leaves there. Default: local_test/work/ames
#   --rows      the CSV rows of each request. Default: the first three houses that were held out of the sales
#   --requests  in all. Default: 2000
#   --clients   at once, each with one connection. Default: 8
#   --image     default: sagemaker-xgboost, or sagemaker-xgboost:cpu where only that is built
#   --          what follows goes to docker run, such as -- --cpus 1 --env SAGEMAKER_MODEL_SERVER_WORKERS=1
#
# The clients share the machine with the server: the figures compare settings, they are not those of an instance.
set -euo pipefail
# shellcheck source=local_test/common.sh
. "$(dirname "$0")/common.sh"
loading=''
trap '[ -z "$loading" ] || kill "$loading" 2>/dev/null; exit 130' INT TERM HUP
requests=2000 clients=8 rows=''
options "--image --requests --clients --rows" "$@"
rows=${rows:-$here/work/ames/held_out/three.csv}
[ -r "$rows" ] || die "there is no file $rows that can be read; for the house sales run: $typed/train_local.sh"
command -v python3 >/dev/null || die "Python is missing; install it"
need_docker

serving "$folder" ${extra[@]+"${extra[@]}"}
say "$requests requests from $clients clients, $(grep -c '' "$rows") lines each, to $image"
apart python3 "$here/load.py" "$url/invocations" "$rows" "$requests" "$clients"
loading=$!
wait "$loading" || die "some requests were not answered with 200"
say "" "Next: the same with fewer CPUs or other settings, such as $typed/load_local.sh -- --cpus 1"

#!/usr/bin/env bash
# Run a SageMaker image through the platform's contract, and print what holds, what does not, and how to mend it.
#
# usage: check_contract.sh [IMAGE] [OPTION...]
#
#   IMAGE   any image that trains or serves on SageMaker. Default: sagemaker-xgboost, or its variant :cpu
#   OPTION  --quick, --only RULE, --json, --list; for images that are not like AWS's XGBoost --train-data DIR,
#           --hyperparameters FILE, --request FILE. All of them: python3 local_test/contract_check --help
set -euo pipefail
# shellcheck source=local_test/common.sh
. "$(dirname "$0")/common.sh"

failure=2 # as of the program below: the image could not be checked
case ${1:-} in
  -h | --help) options "" --help ;;
  '' | --*) options "" ;;
  *) options "" --; image=$1; shift ;;
esac
command -v python3 >/dev/null || die "Python is missing; install it (3.9 or newer)"
case " $* " in *" --list "*) ;; *) need_docker ;; esac
exec python3 "$here/contract_check" "$image" "$@"

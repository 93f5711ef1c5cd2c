#!/usr/bin/env bash
# Run a SageMaker image through the platform's contract, and print what holds, what does not, and how to mend it.
#
# usage: check_contract.sh [IMAGE] [OPTION...]
#
#   IMAGE   any image that trains or serves on SageMaker. Default: sagemaker-xgboost, or its variant :cpu
#   OPTION  --quick, --only RULE, --json, --list, and for what is not like AWS's XGBoost --train-data DIR,
#           --hyperparameters FILE, --request FILE: python3 local_test/contract_check --help
set -euo pipefail
# shellcheck source=local_test/common.sh
. "$(dirname "$0")/common.sh"

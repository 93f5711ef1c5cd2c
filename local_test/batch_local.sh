#!/usr/bin/env bash
# Batch transform of a CSV file on this machine, as SageMaker does it: split by lines, sent in pieces, joined again.
#
# usage: batch_local.sh [--image IMAGE] [--max-payload MB] [FILE]
#
#   FILE           rows for the Ames model, without a header and the target; the predictions go to FILE.out.
#                  Default: the Ames house sales that training did not see
#   --max-payload  of each piece; may be a fraction. Default: what the server says at /execution-parameters
#   --image        default: sagemaker-xgboost, or sagemaker-xgboost:cpu where only that is built
set -euo pipefail
# shellcheck source=local_test/common.sh
. "$(dirname "$0")/common.sh"
trap 'exit 130' INT TERM HUP
max_payload=''
options "--image --max-payload" "$@"
folder=$here/work/ames
if [ -z "$file" ]; then
  file=$folder/held_out/without_header.csv
  [ -e "$folder/held_out/rows.csv" ] || die "there are no held-out rows yet; run: $typed/train_local.sh"
  tail -n +2 "$folder/held_out/rows.csv" >"$file"
fi
[ -r "$file" ] || die "there is no file $file that can be read"
need_docker

# The platform sets SAGEMAKER_BATCH: then each reply ends in a newline, so that they can be joined.
serving "$folder" --env SAGEMAKER_BATCH=true
parameters=$(http "$url/execution-parameters")
say "The server asks for $parameters"
most=${parameters##*\"MaxPayloadInMB\":}
max_payload=${max_payload:-${most%%[^0-9]*}}

pieces=$(mktemp -d "$file.XXXXXX")
trap 'remove; rm -rf "$pieces"' EXIT
LC_ALL=C awk -v most="$max_payload" -v folder="$pieces" '
  { size += length($0) + 1 }
  piece == "" || size > most * 1024 * 1024 {
    close(piece)
    piece = sprintf("%s/%06d", folder, ++pieces)
    size = length($0) + 1
  }
  { print >piece }' "$file"
: >"$file.out"
for piece in "$pieces"/*; do
  http "$url/invocations" "$piece" text/csv text/csv >"$pieces/reply" || die "a piece was refused: $(head -c 500 "$pieces/reply")"
  # http ends what it prints with a newline of its own, after the reply's.
  sed '$ { /^$/d; }' "$pieces/reply" >>"$file.out"
done

sent=$(grep -c '' "$file") got=$(grep -c '' "$file.out")
[ "$sent" = "$got" ] || die "$sent lines gave $got predictions; a header is no row: take it out of $file"
say "$sent rows in $(find "$pieces" -name '0*' | wc -l | tr -d ' ') requests gave $got predictions: $file.out" \
  "" "Next, side by side: paste -d, $file.out $file | head" "On SageMaker: docs/serving.md"

#!/usr/bin/env bash
# Ask the running server for predictions, and show the curl command that does it.
#
# usage: predict.sh [--port PORT] [--accept TYPE] [--content-type TYPE] [FILE]
#
#   FILE            rows without the target. Default: the first three that were held out of the Ames house sales
#   --accept        text/csv (default), application/json or application/jsonlines
#   --content-type  default: by the ending of FILE (.csv .json .jsonl .libsvm .parquet)
#   --port          where serve_local.sh serves. Default: 8080
set -euo pipefail
# shellcheck source=local_test/common.sh
. "$(dirname "$0")/common.sh"
options "--port --accept --content-type" "$@"

if [ -z "$file" ]; then
  held_out=$folder/held_out
  file=$held_out/three.csv
  [ -e "$file" ] || die "there are no held-out rows yet; run: $typed/train_local.sh"
fi
[ -r "$file" ] || die "there is no file $file that can be read"
if [ -z "$content_type" ]; then
  case $file in
    *.csv) content_type=text/csv ;;
    *.json) content_type=application/json ;;
    *.jsonl) content_type=application/jsonlines ;;
    *.libsvm) content_type=text/libsvm ;;
    *.parquet) content_type=application/x-parquet ;;
    *) die "cannot tell what $file holds; say it, such as --content-type text/csv" ;;
  esac
fi

[ "$port" = 8080 ] && serve=serve_local.sh || serve="serve_local.sh --port $port"
url=http://127.0.0.1:$port/invocations
accept=${accept:-text/csv}
say "curl --data-binary @$file -H 'Content-Type: $content_type' -H 'Accept: $accept' $url" >&2
http "$url" "$file" "$content_type" "$accept" || case $? in
  2) die "nothing answers on port $port; start the server in another terminal: $typed/$serve" ;;
  *) die "the request was refused; the reply above says why" ;;
esac
[ -z "${held_out:-}" ] || say "" "These houses sold for:" "$(sed -n 2,4p "$held_out/prices.csv")" >&2

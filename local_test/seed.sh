#!/usr/bin/env bash
# Make a folder to train in from the Ames house sales, as SageMaker would lay out /opt/ml.
#
# usage: seed.sh [FOLDER]
#
#   FOLDER  default: local_test/work/ames
#
# Four fifths of tests/data/ames.csv become the train channel. The rest is held out: FOLDER/held_out/rows.csv
# without the prices, which are in prices.csv, and three.csv, which is its first three. The split is always the same.
set -euo pipefail
# shellcheck source=local_test/common.sh
. "$(dirname "$0")/common.sh"
options "" "$@"

mkdir -p "$folder/input/data/train" "$folder/held_out"
cp -R "$here/ames/." "$folder"
# Park and Miller's random numbers: rand() differs from awk to awk.
awk -F, -v train="$folder/input/data/train/ames.csv" -v rows="$folder/held_out/rows.csv" \
  -v prices="$folder/held_out/prices.csv" '
  function without_price(  text, i) {
    for (i = 1; i <= NF; i++) if (i != price) text = text (text == "" ? "" : ",") $i
    return text
  }
  NR == 1 {
    for (i = 1; i <= NF; i++) if ($i == "price") price = i
    print >train; print without_price() >rows; print "price" >prices
    random = 1
    next
  }
  {
    random = random * 16807 % 2147483647
    if (random % 5) print >train
    else { print without_price() >rows; print $price >prices }
  }' "$root/tests/data/ames.csv"
head -n 4 "$folder/held_out/rows.csv" >"$folder/held_out/three.csv"

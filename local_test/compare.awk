# Predicted and actual prices side by side: awk -f compare.awk rows.csv prices.csv predictions.csv
# The first two have a header. The first ten houses are shown; the error is that of all of them.
function thousands(number,  text) {
  text = sprintf("%.0f", number)
  while (match(text, /[0-9][0-9][0-9][0-9](,|$)/)) text = substr(text, 1, RSTART) "," substr(text, RSTART + 1)
  return text
}
BEGIN { FS = ","; line = "  %-14s%6s%6s%13s%13s%11s\n" }
FNR == 1 { file++ }
file == 1 && FNR == 1 { for (i = 1; i <= NF; i++) column[$i] = i }
file == 1 && FNR > 1 { house[++houses] = $column["Neighborhood"] SUBSEP $column["area"] SUBSEP $column["Year.Built"] }
file == 2 && FNR > 1 { actual[++prices] = $1 }
file == 3 && NF { predicted[++predictions] = $1 }
END {
  if (houses != prices || houses != predictions || !houses) {
    print houses + 0 " houses, " prices + 0 " prices, " predictions + 0 " predictions: they must be as many" >"/dev/stderr"
    exit 1
  }
  printf line, "neighborhood", "sq ft", "built", "predicted", "sold for", "error"
  for (i = 1; i <= houses; i++) {
    error = predicted[i] - actual[i]
    squares += error * error
    if (i <= 10) {
      split(house[i], what, SUBSEP)
      printf line, what[1], what[2], what[3], thousands(predicted[i]), thousands(actual[i]), \
        sprintf("%+.1f %%", 100 * error / actual[i])
    }
    # An insertion sort, for not every awk has asort.
    size = error < 0 ? -error : error
    for (j = i; j > 1 && sizes[j - 1] > size; j--) sizes[j] = sizes[j - 1]
    sizes[j] = size
  }
  median = (sizes[int((houses + 1) / 2)] + sizes[int((houses + 2) / 2)]) / 2
  printf "\n  all %d houses: RMSE %s dollars; half of the predictions are within %s of the price\n", \
    houses, thousands(sqrt(squares / houses)), thousands(median)
}

// CSV of numbers to float32, for what is plain enough to be read in one pass; the rest is for the ordinary reader.
#pragma once

#include <cstddef>
#include <string_view>

namespace serving {

/// At most how many rows a text can have, by its line ends.
std::size_t most_rows(std::string_view text);

inline constexpr std::size_t declined = static_cast<std::size_t>(-1);

/// Reads UTF-8 text, comma-separated and without a header, into rows of `columns` numbers, NaN where missing.
///
/// Returns how many rows there are, or `declined` where the text is anything but that: another number of cells,
/// a cell that is neither a finite number nor a spelling of "missing", a quote that is not around a whole cell,
/// more than `capacity` rows, no row. With `trailing` every row ends in a delimiter, or in one more cell that is
/// missing, as those do.
std::size_t parse(std::string_view text, std::size_t columns, bool trailing, float* out, std::size_t capacity);

}  // namespace serving

// CSV of numbers to float32 or float64, for what is plain enough to be read in one pass; the rest is for the ordinary reader.
#pragma once

#include <cstddef>
#include <span>
#include <string_view>

namespace serving {

/// What there is in a text, found in one pass.
struct Survey {
  std::size_t quotes, line_feeds;
  bool returns, nuls, ascii;
};
Survey survey(std::string_view text);

/// A piece of a text that ends where a line ends, or the text does.
struct Part {
  std::string_view text;
  std::size_t capacity;  // at most how many rows it has, by its line ends and its size
};

inline constexpr std::size_t most_parts = 16;

/// The text in at most so many parts of about the same size, one after another.
std::size_t cut(std::string_view text, std::size_t columns, std::size_t most, Part* parts);

inline constexpr std::size_t declined = static_cast<std::size_t>(-1);

/// Reads UTF-8 text, comma-separated and without a header, into rows of `columns` numbers, NaN where missing.
///
/// Returns how many rows there are, or `declined` where the text is anything but that: another number of cells,
/// a cell that is neither a finite number nor a spelling of "missing", a quote that is not around a whole cell, no row.
/// With `trailing` every row ends in a delimiter, or in one more cell that is missing, as those do.
/// No row that is read has a line end inside, so that each part is read by a thread of its own, with the same result.
/// `out` has room for all rows that the parts may have.
std::size_t parse(const Part* parts, std::size_t count, std::size_t columns, bool trailing, float* out);

/// The same cells as float64 and by columns: that of a row goes to `columns[column][row]`.
std::size_t parse_columns(std::string_view text, std::span<double* const> columns, std::size_t capacity);

}  // namespace serving

#include "csv.hpp"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <cstdint>
#include <limits>

namespace serving {
namespace {

constexpr float missing = std::numeric_limits<float>::quiet_NaN();

bool is_blank(char c) { return c == ' ' || c == '\t'; }
bool is_digit(char c) { return static_cast<unsigned char>(c - '0') < 10; }
bool ends_line(char c) { return c == '\n' || c == '\r'; }

// container/data/cells.py: these words, in any case.
bool is_missing(std::string_view word) {
  if (word.empty()) return true;
  if (word.size() > 4) return false;
  char lower[4];
  std::transform(word.begin(), word.end(), lower, [](char c) { return c >= 'A' && c <= 'Z' ? c + 32 : c; });
  const std::string_view text(lower, word.size());
  for (const std::string_view known : {"na", "n/a", "nan", "-nan", "null", "<na>", "#n/a"}) {
    if (text == known) return true;
  }
  return false;
}

// 10^k is exact in a double up to here.
constexpr double powers[] = {1e0,  1e1,  1e2,  1e3,  1e4,  1e5,  1e6,  1e7,  1e8,  1e9,  1e10, 1e11,
                             1e12, 1e13, 1e14, 1e15, 1e16, 1e17, 1e18, 1e19, 1e20, 1e21, 1e22};

// Reads [+-]?(digits.?digits*|.digits)([eE][+-]?digits)? and returns where it ends, nullptr where there is none.
// The double is the nearest one: from two exact doubles by one correctly rounded operation where that can be
// (Clinger 1990), else from std::from_chars.
const char* read_number(const char* p, const char* end, float& out) {
  const char* const start = p;
  const bool negative = *p == '-';
  if (*p == '+' || *p == '-') ++p;
  std::uint64_t digits = 0;
  const char* const whole = p;
  for (; p < end && is_digit(*p); ++p) digits = digits * 10 + static_cast<std::uint64_t>(*p - '0');
  std::ptrdiff_t count = p - whole;
  std::ptrdiff_t exponent = 0;
  if (p < end && *p == '.') {
    const char* const fraction = ++p;
    for (; p < end && is_digit(*p); ++p) digits = digits * 10 + static_cast<std::uint64_t>(*p - '0');
    exponent = fraction - p;
    count -= exponent;
  }
  if (count == 0) return nullptr;
  bool exact = count <= 19 && digits <= std::uint64_t{1} << 53;
  if (p < end && (*p == 'e' || *p == 'E')) {
    ++p;
    const bool below = p < end && *p == '-';
    if (p < end && (*p == '+' || *p == '-')) ++p;
    const char* const first = p;
    std::ptrdiff_t written = 0;
    for (; p < end && is_digit(*p); ++p) written = std::min<std::ptrdiff_t>(written * 10 + (*p - '0'), 9999);
    if (p == first) return nullptr;
    exponent += below ? -written : written;
  }
  exact &= exponent >= -22 && exponent <= 22;
  double value;
  if (exact) {
    value = static_cast<double>(digits);
    value = exponent < 0 ? value / powers[-exponent] : value * powers[exponent];
    if (negative) value = -value;
  } else {
    const auto result = std::from_chars(start + (*start == '+'), p, value);
    if (result.ec != std::errc() || result.ptr != p) return nullptr;
  }
  out = static_cast<float>(value);
  return std::isfinite(out) ? p : nullptr;
}

// One cell up to its delimiter, its line's end or, in quotes, the quote; nullptr where it is for others to read.
const char* read_bare(const char* p, const char* end, char quote, float& out) {
  while (p < end && is_blank(*p)) ++p;
  const auto over = [&](const char* at) {
    return at == end ? quote == '\0' : quote != '\0' ? *at == quote : *at == ',' || ends_line(*at);
  };
  const char* after = p;
  if (p < end && (is_digit(*p) || *p == '-' || *p == '+' || *p == '.')) after = read_number(p, end, out);
  if (after != p && after != nullptr) {
    while (after < end && is_blank(*after)) ++after;
    return over(after) ? after : nullptr;
  }
  after = p;
  while (after < end && !over(after) && after - p <= 4 && !is_blank(*after) && *after != '"') ++after;
  if (!is_missing({p, static_cast<std::size_t>(after - p)})) return nullptr;
  while (after < end && is_blank(*after)) ++after;
  out = missing;
  return over(after) ? after : nullptr;
}

const char* read_cell(const char* p, const char* end, float& out) {
  if (p == end || *p != '"') return read_bare(p, end, '\0', out);
  p = read_bare(p + 1, end, '"', out);
  if (p == nullptr) return nullptr;
  ++p;
  return p == end || *p == ',' || ends_line(*p) ? p : nullptr;
}

}  // namespace

std::size_t most_rows(std::string_view text) {
  return static_cast<std::size_t>(std::count(text.begin(), text.end(), '\n') +
                                  std::count(text.begin(), text.end(), '\r')) +
         1;
}

std::size_t parse(std::string_view text, std::size_t columns, bool trailing, float* out, std::size_t capacity) {
  const char* p = text.data();
  const char* const end = p + text.size();
  std::size_t rows = 0;
  for (;;) {
    while (p < end && ends_line(*p)) ++p;  // blank lines, and the other half of CRLF
    if (p == end) return rows == 0 ? declined : rows;
    if (rows == capacity) return declined;
    for (std::size_t column = 0;; ++column) {
      float spare;
      float& cell = column < columns ? *out++ : spare;
      p = read_cell(p, end, cell);
      if (p == nullptr) return declined;
      if (column == columns && !std::isnan(cell)) return declined;
      if (column + 1 == columns + trailing) break;
      if (p == end || *p != ',') return declined;
      ++p;
    }
    if (p < end && !ends_line(*p)) return declined;
    ++rows;
  }
}

}  // namespace serving

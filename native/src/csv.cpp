#include "csv.hpp"

#include <algorithm>
#include <array>
#include <bit>
#include <charconv>
#include <cmath>
#include <cstdint>
#include <cstring>
#include <exception>
#include <limits>
#include <system_error>
#include <thread>

#include "plain_number.hpp"

namespace serving {
namespace {

template <class Real>
constexpr Real missing = std::numeric_limits<Real>::quiet_NaN();

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

constexpr std::uint64_t whole_powers[] = {1, 10, 100, 1000, 10000, 100000, 1000000, 10000000, 100000000};

// Takes digits in, and returns where they end. Eight at a time without a branch, for their number is hard to foresee:
// those that are none are shifted out, which puts zeros in front of the others, and three multiplications join them.
const char* read_digits(const char* p, const char* end, std::uint64_t& digits) {
  if constexpr (std::endian::native == std::endian::little) {
    while (end - p >= 8) {
      std::uint64_t text;
      std::memcpy(&text, p, 8);
      const std::uint64_t others = ((text + 0x4646464646464646) | (text - 0x3030303030303030)) & 0x8080808080808080;
      const int count = std::countr_zero(others) / 8;
      if (count == 0) return p;
      std::uint64_t value = (text << (64 - 8 * count)) & 0x0F0F0F0F0F0F0F0F;
      value = value * 10 + (value >> 8);
      value = ((value & 0x000000FF000000FF) * 0x000F424000000064 +
               (value >> 16 & 0x000000FF000000FF) * 0x0000271000000001) >> 32;
      digits = digits * whole_powers[count] + value;
      p += count;
      if (count < 8) return p;
    }
  }
  for (; p < end && is_digit(*p); ++p) digits = digits * 10 + static_cast<std::uint64_t>(*p - '0');
  return p;
}

// Reads [+-]?(digits.?digits*|.digits)([eE][+-]?digits)? and returns where it ends, nullptr where there is none.
// The double is the nearest one: from two exact doubles by one correctly rounded operation where that can be
// (Clinger 1990), else from std::from_chars.
template <class Real>
const char* read_number(const char* p, const char* end, Real& out) {
  const char* const start = p;
  const bool negative = *p == '-';
  p += negative | (*p == '+');
  std::uint64_t digits = 0;
  const char* const whole = p;
  for (; p < end && is_digit(*p); ++p) digits = digits * 10 + static_cast<std::uint64_t>(*p - '0');
  std::ptrdiff_t count = p - whole;
  std::ptrdiff_t exponent = 0;
  if (p < end && *p == '.') {
    const char* const fraction = ++p;
    p = read_digits(p, end, digits);
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
    value = std::bit_cast<double>(std::bit_cast<std::uint64_t>(value) ^ std::uint64_t{negative} << 63);
  } else {
    const auto result = std::from_chars(start + (*start == '+'), p, value);
    if (result.ec != std::errc() || result.ptr != p) return nullptr;
  }
  out = static_cast<Real>(value);
  return std::isfinite(static_cast<float>(value)) ? p : nullptr;
}

// One cell up to its delimiter, its line's end or, in quotes, the quote; nullptr where it is for others to read.
template <class Real>
const char* read_bare(const char* p, const char* end, char quote, Real& out) {
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
  out = missing<Real>;
  return over(after) ? after : nullptr;
}

template <class Real>
const char* read_cell(const char* p, const char* end, Real& out) {
  double value;
  if (const char* const after = read_plain_number(p, end, value); after != nullptr) {
    out = static_cast<Real>(value);
    return after;
  }
  if (p == end || *p != '"') return read_bare(p, end, '\0', out);
  p = read_bare(p + 1, end, '"', out);
  if (p == nullptr) return nullptr;
  ++p;
  return p == end || *p == ',' || ends_line(*p) ? p : nullptr;
}

template <class Is>
std::size_t count_if(std::string_view text, Is is) {
  std::size_t count = 0;
  for (std::size_t i = 0; i < text.size();) {
    std::uint8_t found = 0;  // many at once are counted in numbers that hold 255
    for (const std::size_t stop = std::min(text.size(), i + 255); i < stop; ++i) found += is(text[i]);
    count += found;
  }
  return count;
}

// `cell` is asked, row by row, where each of a row's numbers goes.
template <class Real, class Cell>
std::size_t read_rows(const Part& part, std::size_t columns, bool trailing, Cell&& cell) {
  const char* p = part.text.data();
  const char* const end = p + part.text.size();
  for (std::size_t rows = 0;; ++rows) {
    while (p < end && ends_line(*p)) ++p;  // blank lines, and the other half of CRLF
    if (p == end) return rows;
    if (rows == part.capacity) return declined;
    for (std::size_t column = 0;; ++column) {
      Real spare;
      Real& out = column < columns ? cell(rows, column) : spare;
      p = read_cell(p, end, out);
      if (p == nullptr) return declined;
      if (column == columns && !std::isnan(out)) return declined;
      if (column + 1 == columns + trailing) break;
      if (p == end || *p != ',') return declined;
      ++p;
    }
    if (p < end && !ends_line(*p)) return declined;
  }
}

std::size_t parse_part(const Part& part, std::size_t columns, bool trailing, float* out) {
  return read_rows<float>(part, columns, trailing, [&](std::size_t, std::size_t) -> float& { return *out++; });
}

}  // namespace

Survey survey(std::string_view text) {
  Survey all{};
  std::uint8_t any_return = 0, any_nul = 0, any_bit = 0;
  for (std::size_t i = 0; i < text.size();) {
    std::uint8_t quotes = 0, line_feeds = 0;  // as in `count_if`
    for (const std::size_t stop = std::min(text.size(), i + 255); i < stop; ++i) {
      const auto c = static_cast<std::uint8_t>(text[i]);
      quotes += c == '"';
      line_feeds += c == '\n';
      any_return |= c == '\r';
      any_nul |= c == 0;
      any_bit |= c;
    }
    all.quotes += quotes;
    all.line_feeds += line_feeds;
  }
  all.returns = any_return != 0;
  all.nuls = any_nul != 0;
  all.ascii = any_bit < 0x80;
  return all;
}

std::size_t cut(std::string_view text, std::size_t columns, std::size_t most, Part* parts) {
  std::size_t count = 0;
  for (most = std::clamp<std::size_t>(most, 1, most_parts); count < most && (count == 0 || !text.empty()); ++count) {
    std::size_t size = text.size();
    if (const std::size_t left = most - count; left > 1) {
      const auto found = std::find_if(text.begin() + size / left, text.end(), ends_line);
      size = std::min(size, static_cast<std::size_t>(found - text.begin()) + 1);
    }
    const std::string_view own = text.substr(0, size);
    const bool open = !own.empty() && !ends_line(own.back());
    // A row has a byte or more for each of its cells, but the last for one less.
    parts[count] = {own, std::min(count_if(own, ends_line) + open, (size + 1) / columns)};
    text.remove_prefix(size);
  }
  return count;
}

std::size_t parse(const Part* parts, std::size_t count, std::size_t columns, bool trailing, float* out) {
  if (count == 1) {
    const std::size_t rows = parse_part(parts[0], columns, trailing, out);
    return rows == 0 ? declined : rows;
  }
  std::array<std::thread, most_parts> threads;
  std::array<std::size_t, most_parts> rows;
  float* place = out;
  for (std::size_t i = 0; i < count; ++i) {
    const auto read = [=, &rows] { rows[i] = parse_part(parts[i], columns, trailing, place); };
    place += parts[i].capacity * columns;
    if (i + 1 < count) {
      try {
        threads[i] = std::thread(read);
        continue;
      } catch (const std::exception&) {  // there is none to be had
      }
    }
    read();
  }
  for (std::thread& thread : threads) {
    if (thread.joinable()) thread.join();
  }
  std::size_t sum = 0;
  const float* from = out;
  for (std::size_t i = 0; i < count; ++i) {
    if (rows[i] == declined) return declined;
    std::memmove(out + sum * columns, from, rows[i] * columns * sizeof(float));
    sum += rows[i];
    from += parts[i].capacity * columns;
  }
  return sum == 0 ? declined : sum;
}

std::size_t parse_columns(std::string_view text, std::span<double* const> columns, std::size_t capacity) {
  const auto cell = [&](std::size_t row, std::size_t column) -> double& { return columns[column][row]; };
  return read_rows<double>({text, capacity}, columns.size(), false, cell);
}

}  // namespace serving

// The commonest cell of CSV, -?digits[.digits] before a comma or a line's end, in one go.
#pragma once

#include <bit>
#include <cstdint>

#if defined(__SSE4_1__)
#include <smmintrin.h>
#endif

namespace serving {

// 10^k is exact in a double up to here.
inline constexpr double powers[] = {1e0,  1e1,  1e2,  1e3,  1e4,  1e5,  1e6,  1e7,  1e8,  1e9,  1e10, 1e11,
                                    1e12, 1e13, 1e14, 1e15, 1e16, 1e17, 1e18, 1e19, 1e20, 1e21, 1e22};

/// Reads a number that ends, with what ends its cell, within 16 bytes, and returns where; nullptr where it does not.
///
/// Its digits are fewer than 16, so that both they and the power of ten are exact doubles, and their quotient is the
/// nearest one to what is written. No branch depends on how many digits there are, which nobody can foresee.
inline const char* read_plain_number(const char* p, const char* end, double& out) {
#if defined(__SSE4_1__)
  if (end - p < 17) return nullptr;
  const bool negative = *p == '-';
  p += negative;
  const __m128i text = _mm_loadu_si128(reinterpret_cast<const __m128i*>(p));
  const __m128i values = _mm_sub_epi8(text, _mm_set1_epi8('0'));
  const __m128i is_digit = _mm_cmpeq_epi8(_mm_min_epu8(values, _mm_set1_epi8(9)), values);
  unsigned others = ~static_cast<unsigned>(_mm_movemask_epi8(is_digit)) & 0xFFFF;
  if (others == 0) return nullptr;
  int last = std::countr_zero(others), point = -100, places = 0;
  if (p[last] == '.') {
    others &= others - 1;
    if (others == 0) return nullptr;
    point = last;
    last = std::countr_zero(others);
    places = last - point - 1;
  }
  const char after = p[last];
  if (last <= (point == 0) || (after != ',' && after != '\n' && after != '\r')) return nullptr;
  // Its last digit goes to the last byte, and those before the point one further; zeros go before them.
  const __m128i from = _mm_sub_epi8(_mm_setr_epi8(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15),
                                    _mm_set1_epi8(static_cast<char>(16 - last)));
  const __m128i before = _mm_cmpgt_epi8(_mm_set1_epi8(static_cast<char>(point + 1)), from);
  const __m128i digits = _mm_shuffle_epi8(values, _mm_add_epi8(from, before));
  const __m128i pairs = _mm_maddubs_epi16(digits, _mm_set1_epi16(0x010A));
  const __m128i fours = _mm_madd_epi16(pairs, _mm_set1_epi32(0x00010064));
  const __m128i eights = _mm_madd_epi16(_mm_packus_epi32(fours, fours), _mm_set1_epi32(0x00012710));
  const auto both = static_cast<std::uint64_t>(_mm_cvtsi128_si64(eights));
  const std::uint64_t number = (both & 0xFFFFFFFF) * 100000000 + (both >> 32);
  const double value = static_cast<double>(static_cast<std::int64_t>(number)) / powers[places];
  out = std::bit_cast<double>(std::bit_cast<std::uint64_t>(value) ^ std::uint64_t{negative} << 63);
  return p + last;
#else
  static_cast<void>(p), static_cast<void>(end), static_cast<void>(out);
  return nullptr;
#endif
}

}  // namespace serving

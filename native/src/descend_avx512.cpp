// Ice Lake and Zen 4 have this: a table of 128 bytes is one instruction, and a comparison one bit for each row.
#include "ways.hpp"

#if defined(__x86_64__)

#include <immintrin.h>

#pragma GCC target("avx512bw,avx512vbmi")

#include "descend.hpp"

namespace serving {
namespace {

struct Vector512 {
  using Bytes = __m512i;
  static constexpr int size = 64, at_once = 2;

  static Bytes all(std::uint8_t value) { return _mm512_set1_epi8(static_cast<char>(value)); }
  static Bytes both(Bytes a, Bytes b) { return _mm512_and_si512(a, b); }
  static Bytes next(Bytes number) { return _mm512_add_epi8(number, all(1)); }
  static void store(std::uint8_t* to, Bytes value) { _mm512_storeu_si512(to, value); }

  template <int count>
  [[gnu::always_inline]] static void look_up(const std::uint8_t* table, std::uint32_t level, const Bytes* at,
                                             Bytes* to) {
    const Bytes low = _mm512_loadu_si512(table);
    if (level < 7) {
      for (int i = 0; i < count; ++i) to[i] = _mm512_permutexvar_epi8(at[i], low);
      return;
    }
    const Bytes high = _mm512_loadu_si512(table + size);
    for (int i = 0; i < count; ++i) to[i] = _mm512_permutex2var_epi8(low, at[i], high);
  }

  static Bytes first(const std::uint8_t* row, Bytes) { return _mm512_loadu_si512(row); }
  static Bytes pick(Bytes x, const std::uint8_t* row, Bytes wanted, Bytes number) {
    return _mm512_mask_blend_epi8(_mm512_cmpeq_epi8_mask(wanted, number), x, _mm512_loadu_si512(row));
  }

  template <bool missing>
  [[gnu::always_inline]] static Bytes step(Bytes at, Bytes x, Bytes limit, Bytes asks) {
    __mmask64 right = _mm512_cmpge_epu8_mask(x, limit);
    if constexpr (missing) right &= ~_mm512_mask_cmpeq_epi8_mask(_mm512_movepi8_mask(asks), x, all(missing_rank));
    const Bytes left = _mm512_add_epi8(at, at);
    return _mm512_mask_add_epi8(left, right, left, all(1));
  }
};

}  // namespace

void descend_avx512(const Top& top, const std::uint8_t* planes, bool half, bool missing, std::uint8_t* places) {
  descend<Vector512>(top, planes, half, missing, places);
}

}  // namespace serving

#endif

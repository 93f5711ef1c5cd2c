#include "ways.hpp"

#if defined(__x86_64__)

#include <immintrin.h>

#pragma GCC target("avx2")

#include "descend.hpp"

namespace serving {
namespace {

struct Vector256 {
  using Bytes = __m256i;
  static constexpr int size = 32, at_once = 2;

  static Bytes all(std::uint8_t value) { return _mm256_set1_epi8(static_cast<char>(value)); }
  static Bytes both(Bytes a, Bytes b) { return _mm256_and_si256(a, b); }
  static Bytes next(Bytes number) { return _mm256_add_epi8(number, all(1)); }
  static Bytes load(const std::uint8_t* from) { return _mm256_loadu_si256(reinterpret_cast<const __m256i*>(from)); }
  static void store(std::uint8_t* to, Bytes value) { _mm256_storeu_si256(reinterpret_cast<__m256i*>(to), value); }

  static Bytes sixteen(const std::uint8_t* table, Bytes at) {
    const __m128i once = _mm_loadu_si128(reinterpret_cast<const __m128i*>(table));
    return _mm256_shuffle_epi8(_mm256_broadcastsi128_si256(once), at);
  }
  template <int bits>
  static Bytes shifted(Bytes at) { return _mm256_slli_epi16(at, bits); }
  static Bytes choose(Bytes low, Bytes high, Bytes sign) { return _mm256_blendv_epi8(low, high, sign); }

  template <int count>
  [[gnu::always_inline]] static void look_up(const std::uint8_t* table, std::uint32_t level, const Bytes* at,
                                             Bytes* to) {
    serving::look_up<Vector256, count>(table, level, at, to);
  }

  static Bytes first(const std::uint8_t* row, Bytes) { return load(row); }
  static Bytes pick(Bytes x, const std::uint8_t* row, Bytes wanted, Bytes number) {
    return _mm256_blendv_epi8(x, load(row), _mm256_cmpeq_epi8(wanted, number));
  }

  template <bool missing>
  [[gnu::always_inline]] static Bytes step(Bytes at, Bytes x, Bytes limit, Bytes asks) {
    Bytes right = _mm256_cmpeq_epi8(_mm256_max_epu8(x, limit), x);
    if constexpr (missing) {
      const Bytes is_missing = _mm256_cmpeq_epi8(x, all(missing_rank));
      const Bytes goes_left = _mm256_cmpgt_epi8(all(0), asks);
      right = _mm256_andnot_si256(both(is_missing, goes_left), right);
    }
    return _mm256_sub_epi8(_mm256_add_epi8(at, at), right);
  }
};

}  // namespace

void descend_avx2(const Top& top, const std::uint8_t* planes, bool half, bool missing, std::uint8_t* places) {
  descend<Vector256>(top, planes, half, missing, places);
}

}  // namespace serving

#endif

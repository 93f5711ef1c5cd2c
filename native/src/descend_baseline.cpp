// Sixteen bytes, which every machine has: SSE or NEON.
#include "descend.hpp"

#include <cstring>

namespace serving {
namespace {

struct Vector128 {
  typedef std::uint8_t Bytes __attribute__((vector_size(16)));
  typedef std::int8_t Signed __attribute__((vector_size(16)));
  static constexpr int size = 16, at_once = 4;

  static Bytes all(std::uint8_t value) { return Bytes{} + value; }
  static Bytes both(Bytes a, Bytes b) { return a & b; }
  static Bytes next(Bytes number) { return number + 1; }
  static Bytes load(const std::uint8_t* from) {
    Bytes value;
    std::memcpy(&value, from, sizeof value);
    return value;
  }
  static void store(std::uint8_t* to, Bytes value) { std::memcpy(to, &value, sizeof value); }

  static Bytes sixteen(const std::uint8_t* table, Bytes at) { return __builtin_shuffle(load(table), at & 15); }
  template <int bits>
  static Bytes shifted(Bytes at) { return at << bits; }
  static Bytes choose(Bytes low, Bytes high, Bytes sign) { return reinterpret_cast<Signed>(sign) < 0 ? high : low; }

  template <int count>
  [[gnu::always_inline]] static void look_up(const std::uint8_t* table, std::uint32_t level, const Bytes* at,
                                             Bytes* to) {
    serving::look_up<Vector128, count>(table, level, at, to);
  }

  static Bytes first(const std::uint8_t* row, Bytes) { return load(row); }
  static Bytes pick(Bytes x, const std::uint8_t* row, Bytes wanted, Bytes number) {
    return wanted == number ? load(row) : x;
  }

  template <bool missing>
  [[gnu::always_inline]] static Bytes step(Bytes at, Bytes x, Bytes limit, Bytes asks) {
    auto right = x >= limit;
    if constexpr (missing) right &= ~((x == missing_rank) & (reinterpret_cast<Signed>(asks) < 0));
    return at + at - reinterpret_cast<Bytes>(right);
  }
};

}  // namespace

void descend_baseline(const Top& top, const std::uint8_t* planes, bool half, bool missing, std::uint8_t* places) {
  descend<Vector128>(top, planes, half, missing, places);
}

}  // namespace serving

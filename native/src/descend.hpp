// The walk down a tree's levels, for a type of vectors of bytes.
//
// At each level a row's place says, by a table, which plane it is asked for and from which rank on it goes right. The
// planes that a level asks for are passed in turn, and each row takes its byte from the one it wants.
//
// A file that wants other instructions than the baseline's chooses them before it includes this one: what is here has
// internal linkage, so that each file has its own, and uses nothing of the library, whose functions are everybody's.
#pragma once

#include "ways.hpp"

namespace serving {
namespace {

// What a table of 2^levels bytes has at each place, by the vector's own look-up of 16.
template <class Vector, int levels>
[[gnu::always_inline]] inline typename Vector::Bytes found(const std::uint8_t* table, typename Vector::Bytes at) {
  if constexpr (levels == 4) {
    return Vector::sixteen(table, at);
  } else {
    const auto low = found<Vector, levels - 1>(table, at);
    const auto high = found<Vector, levels - 1>(table + (1 << (levels - 1)), at);
    return Vector::choose(low, high, Vector::template shifted<8 - levels>(at));
  }
}

template <class Vector, int count>
[[gnu::always_inline]] inline void look_up(const std::uint8_t* table, std::uint32_t level,
                                           const typename Vector::Bytes* at, typename Vector::Bytes* to) {
  switch (level) {
    case 7:
      for (int i = 0; i < count; ++i) to[i] = found<Vector, 7>(table, at[i]);
      break;
    case 6:
      for (int i = 0; i < count; ++i) to[i] = found<Vector, 6>(table, at[i]);
      break;
    case 5:
      for (int i = 0; i < count; ++i) to[i] = found<Vector, 5>(table, at[i]);
      break;
    default:
      for (int i = 0; i < count; ++i) to[i] = found<Vector, 4>(table, at[i]);
  }
}

// As many vectors of rows at once: one's wait for an instruction is another's time.
template <class Vector, bool missing, int count>
[[gnu::always_inline]] inline void vectors(const Top& top, const std::uint8_t* planes, std::uint8_t* places) {
  using Bytes = typename Vector::Bytes;
  Bytes at[count];
  for (int i = 0; i < count; ++i) at[i] = Vector::all(0);
  const std::uint16_t* plane = top.planes;
  for (std::uint32_t level = 0; level < top.levels; ++level) {
    Bytes asks[count], wanted[count], x[count], limit[count], number = Vector::all(0);
    Vector::template look_up<count>(top.asks + (1u << level), level, at, asks);
    for (int i = 0; i < count; ++i) {
      wanted[i] = Vector::both(asks[i], Vector::all(asked_plane));
      x[i] = Vector::first(planes + *plane * plane_rows + i * Vector::size, wanted[i]);
    }
    for (const std::uint16_t* end = plane++ + top.plane_count[level]; plane < end; ++plane) {
      number = Vector::next(number);
      const std::uint8_t* row = planes + *plane * plane_rows;
      for (int i = 0; i < count; ++i) x[i] = Vector::pick(x[i], row + i * Vector::size, wanted[i], number);
    }
    Vector::template look_up<count>(top.limits + (1u << level), level, at, limit);
    for (int i = 0; i < count; ++i) at[i] = Vector::template step<missing>(at[i], x[i], limit[i], asks[i]);
  }
  for (int i = 0; i < count; ++i) Vector::store(places + i * Vector::size, at[i]);
}

template <class Vector, bool missing>
[[gnu::always_inline]] inline void rows(const Top& top, const std::uint8_t* planes, bool half, std::uint8_t* places) {
  constexpr int all = plane_rows / Vector::size;
  if constexpr (all <= Vector::at_once) {
    return half ? vectors<Vector, missing, all / 2>(top, planes, places)
                : vectors<Vector, missing, all>(top, planes, places);
  }
  const std::size_t end = half ? plane_rows / 2 : plane_rows;
  for (std::size_t first = 0; first < end; first += Vector::at_once * Vector::size) {
    vectors<Vector, missing, Vector::at_once>(top, planes + first, places + first);
  }
}

template <class Vector>
[[gnu::always_inline]] inline void descend(const Top& top, const std::uint8_t* planes, bool half, bool missing,
                                           std::uint8_t* places) {
  missing ? rows<Vector, true>(top, planes, half, places) : rows<Vector, false>(top, planes, half, places);
}

}  // namespace
}  // namespace serving

// What the walks by levels (levels.hpp) have in common, whatever their instructions.
#pragma once

#include <cstddef>
#include <cstdint>

#include "forest.hpp"

namespace serving {

// Rows that are walked together, a multiple of all vectors' sizes: a plane has a byte for each.
inline constexpr std::size_t plane_rows = 128;
// A rank of 1 to `most_rank` is asked for; a missing number has the byte above, and what is never reached asks for it.
inline constexpr std::uint8_t most_rank = 254, missing_rank = 255;
// A place in a level is a byte.
inline constexpr std::uint32_t most_levels = 8;
// Of what a node asks: which of its level's planes, and whether a missing number goes left.
inline constexpr std::uint8_t asked_plane = 127, missing_left = 128;

/// One tree's levels. The tables of level l begin at 2^l and have as many bytes; 64 can always be read.
struct Top {
  std::uint32_t levels;
  const std::uint8_t* limits;       // the rank from which on a row goes right
  const std::uint8_t* asks;
  const std::uint8_t* plane_count;  // by level
  const std::uint16_t* planes;      // level by level
};

/// Where rows of `planes` get to in a tree, `places`: from 0 at the left. Of `plane_rows` or half as many.
using Descend = void(const Top& top, const std::uint8_t* planes, bool half, bool missing, std::uint8_t* places);

Descend descend_baseline, descend_avx2, descend_avx512;

/// What is particular to a way by levels: its walk, and from how many rows on that is quicker than steps.
struct ByLevels {
  Descend* descend;
  std::size_t least_rows;
};
ByLevels by_levels(Way way) noexcept;

/// Whether this machine has the instructions.
bool has(Way way) noexcept;

}  // namespace serving

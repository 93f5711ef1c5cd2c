// The upper levels of all trees, for walking many rows at once in bytes.
//
// Of a number only its rank matters: how many of the thresholds that the forest has for its feature it reaches.
// `x >= threshold` is `rank(x) > rank of the threshold`, exactly, and ranks are bytes, so that one vector holds as many
// rows as it has bytes. A feature of more thresholds than a byte counts has several planes of ranks, each for the next
// few thresholds. All rows take a step at the same time, and a level of a tree is a table by a row's place in it.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "nodes.hpp"
#include "ways.hpp"

namespace serving {

class Levels {
 public:
  /// Of as many trees and levels as there are; of none, see `empty`.
  template <class Index>
  explicit Levels(const Nodes<Index>& nodes);

  /// Whether there are none, as the ranks would cost more than walking them saves.
  [[nodiscard]] bool empty() const noexcept { return planes_in_all_ == 0; }

  /// Whether every tree ends in them.
  [[nodiscard]] bool complete() const noexcept { return complete_; }

  [[nodiscard]] std::size_t bytes_of_planes() const noexcept { return planes_in_all_ * plane_rows; }

  /// The ranks of at most `plane_rows` rows of so many features; whether a number is missing.
  bool rank(const float* x, std::size_t features, std::size_t rows, std::uint8_t* planes) const noexcept;

  [[nodiscard]] Top top(std::size_t tree) const noexcept {
    const Tables& of = tables_[tree];
    return {of.levels, bytes_.data() + of.bytes, bytes_.data() + of.bytes + (std::size_t{1} << of.levels),
            of.plane_count.data(), planes_.data() + of.planes};
  }

  /// By place: the value of the leaf where the tree ends in its levels, else the node to go on from.
  [[nodiscard]] const std::uint32_t* ends(std::size_t tree) const noexcept { return ends_.data() + tables_[tree].ends; }

 private:
  struct Tables {
    std::size_t bytes, planes, ends;  // where each begins
    std::uint32_t levels;
    std::array<std::uint8_t, most_levels> plane_count;
  };
  struct Asked {                  // of each feature
    std::size_t thresholds;       // where they begin: in ascending order, then NaN up to a power of two less one
    std::uint32_t size;           // that power
    std::uint32_t plane, planes;  // the first, and how many
  };
  static constexpr std::size_t most_planes = 2048;  // a block's ranks stay in the cache next to the core

  template <class Index>
  void find_thresholds(const Nodes<Index>& nodes);
  template <class Index>
  void add_tables(const Nodes<Index>& nodes, const Tree& tree, std::vector<std::size_t>& number_of);

  std::vector<Asked> asked_;
  std::vector<float> thresholds_;
  std::vector<std::uint8_t> bytes_;
  std::vector<std::uint16_t> planes_;
  std::vector<std::uint32_t> ends_;
  std::vector<Tables> tables_;
  std::size_t planes_in_all_ = 0;
  bool complete_ = true;
};

}  // namespace serving

// The sets of categories that splits ask for, as bits.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "forest.hpp"

namespace serving {

class Categories {
 public:
  /// Take in the sets of the next tree's nodes, `size` of them from `base` on; the result holds, by node, where they
  /// begin, and is empty for a tree without any. Raises std::invalid_argument, std::length_error.
  std::vector<std::uint32_t> add_tree(const Source& source, std::size_t base, std::size_t size);

  /// Raises std::invalid_argument where the source has more than its nodes ask for.
  void check_all_taken(const Source& source) const;

  [[nodiscard]] bool empty() const noexcept { return words_.empty(); }
  [[nodiscard]] const std::uint32_t* data() const noexcept { return words_.data(); }

 private:
  std::vector<std::uint32_t> words_;  // of each set: how many words, then those
  std::size_t sets_ = 0, members_ = 0;
};

/// XGBoost's rule (src/common/categorical.h): a category of the set goes right; any other, also one that is
/// negative, beyond 2^24 or unknown, goes left.
inline bool in_set(const std::uint32_t* set, float value) {
  if (!(value >= 0.0f && value < 16777216.0f)) return false;
  const auto category = static_cast<std::uint32_t>(value);
  return category / 32 < set[0] && (set[1 + category / 32] >> (category % 32) & 1) != 0;
}

}  // namespace serving

// The nodes of all trees, packed for walking.
#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <vector>

#include "categories.hpp"
#include "forest.hpp"

namespace serving {

// One step of a walk is `node = child + right`, with no branch: children lie side by side, and a leaf is its own
// child. It asks for a feature that is NaN in every row, which nothing is below or beside, so it never goes right.
template <class Index>
struct Node {
  std::uint32_t value;  // bits of the threshold or leaf; at a categorical node, of a leaf's vector, a place
  Index split;          // the feature and the flags
  Index child;          // the left one, within the tree
};

template <class Index>
inline constexpr Index default_right = static_cast<Index>(Index{1} << (std::numeric_limits<Index>::digits - 1));
template <class Index>
inline constexpr Index categorical = static_cast<Index>(default_right<Index> >> 1);
template <class Index>
inline constexpr Index feature_of = static_cast<Index>(categorical<Index> - 1);

template <bool missing, bool categories, class Index>
inline std::uint32_t step(const Node<Index>& node, float x, const std::uint32_t* sets) {
  bool right = x >= std::bit_cast<float>(node.value);
  if constexpr (categories) {
    if (node.split & categorical<Index>) [[unlikely]] right = in_set(sets + node.value, x);
  }
  if constexpr (missing) right |= static_cast<bool>(node.split & default_right<Index>) & (x != x);
  return std::uint32_t{node.child} + right;
}

struct Tree {
  std::size_t begin;     // of its nodes; the root is the second, so that siblings share a cache line
  std::uint32_t depth;   // steps from the root to the deepest leaf
  std::uint32_t output;
};
inline constexpr std::uint32_t root = 1;

template <class Index>
class Nodes {
 public:
  /// Raises std::invalid_argument where the source is no forest, std::length_error where it does not fit.
  explicit Nodes(const Source& source);

  [[nodiscard]] std::size_t features() const noexcept { return features_; }
  [[nodiscard]] std::size_t outputs() const noexcept { return outputs_; }
  [[nodiscard]] const std::vector<Tree>& trees() const noexcept { return trees_; }
  [[nodiscard]] const Node<Index>* of(const Tree& tree) const noexcept { return nodes_.data() + tree.begin; }
  [[nodiscard]] const Categories& sets() const noexcept { return sets_; }
  [[nodiscard]] bool is_leaf(const Node<Index>& node) const noexcept { return node.split == features_; }

  /// Add a leaf, by its node's value, to a row's outputs.
  void add(const Tree& tree, std::uint32_t leaf, float* out) const noexcept {
    if (!vectors_) {
      out[tree.output] += std::bit_cast<float>(leaf);
      return;
    }
    const float* vector = vector_leaves_.data() + leaf;
    for (std::size_t k = 0; k < outputs_; ++k) out[k] += vector[k];
  }

  /// Add a leaf for each row.
  void add(const Tree& tree, const std::uint32_t* leaves, std::size_t rows, float* out) const noexcept {
    if (outputs_ == 1 && !vectors_) {
      for (std::size_t r = 0; r < rows; ++r) out[r] += std::bit_cast<float>(leaves[r]);
      return;
    }
    for (std::size_t r = 0; r < rows; ++r, out += outputs_) add(tree, leaves[r], out);
  }

 private:
  void add_tree(const Source& source, std::size_t t, std::size_t base, std::size_t size);
  std::uint32_t vector_leaf(const Source& source, std::size_t t, std::int32_t number);

  std::size_t features_, outputs_;
  bool vectors_;
  std::vector<Tree> trees_;
  std::vector<Node<Index>> nodes_;
  Categories sets_;
  std::vector<float> vector_leaves_;
};

}  // namespace serving

#include "forest.hpp"

#include <algorithm>
#include <bit>
#include <cmath>
#include <limits>
#include <stdexcept>
#include <vector>

#include "categories.hpp"

namespace serving {
namespace {

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

// Walks done at once: so many that one's wait for memory is another's time to compute.
constexpr std::size_t lanes = 8;
// Rows that pass a tree while it is in the cache: so many, unless their numbers are more than that.
constexpr std::size_t block_rows = 128, block_numbers = 1 << 16;
// Steps between two looks at whether all walks have ended, for trees that are deep in few places.
constexpr std::uint32_t stride = 8;

template <bool missing, bool categories, class Index>
inline std::uint32_t step(const Node<Index>& node, float x, const std::uint32_t* sets) {
  bool right = x >= std::bit_cast<float>(node.value);
  if constexpr (categories) {
    if (node.split & categorical<Index>) [[unlikely]] right = in_set(sets + node.value, x);
  }
  if constexpr (missing) right |= static_cast<bool>(node.split & default_right<Index>) & (x != x);
  return std::uint32_t{node.child} + right;
}

template <class Index>
class Packed final : public Forest {
 public:
  explicit Packed(const Source& source) : features_(source.features), outputs_(source.outputs) {
    start_.assign(source.start.begin(), source.start.end());
    vectors_ = !source.leaf_vector.empty();
    block_ = std::clamp(block_numbers / (features_ + 1) / lanes * lanes, lanes, block_rows);
    std::size_t node = 0;
    for (std::size_t t = 0; t < source.tree_size.size(); ++t) {
      const auto size = static_cast<std::size_t>(source.tree_size[t]);
      add_tree(source, t, node, size);
      node += size;
    }
    sets_.check_all_taken(source);
  }

  std::size_t features() const noexcept override { return features_; }
  std::size_t outputs() const noexcept override { return outputs_; }
  std::size_t trees() const noexcept override { return trees_.size(); }

  std::size_t scratch(std::size_t rows) const noexcept override {
    return (features_ + 1) * (rows == 1 ? 1 : std::min((rows + lanes - 1) / lanes * lanes, block_));
  }

  void margins(const float* x, std::size_t rows, float* out, float* scratch) const noexcept override {
    for (std::size_t r = 0; r < rows; ++r) std::copy(start_.begin(), start_.end(), out + r * outputs_);
    if (rows == 1) {
      const bool missing = std::any_of(x, x + features_, [](float v) { return v != v; });
      std::copy(x, x + features_, scratch);
      scratch[features_] = std::numeric_limits<float>::quiet_NaN();
      dispatch(missing, [&]<bool m, bool c>() { one_row<m, c>(scratch, out); });
      return;
    }
    for (std::size_t first = 0; first < rows; first += block_) {
      const std::size_t count = std::min(block_, rows - first);
      const bool missing = interleave(x + first * features_, count, scratch);
      dispatch(missing, [&]<bool m, bool c>() { rows_of_block<m, c>(scratch, count, out + first * outputs_); });
    }
  }

 private:
  struct Tree {
    std::size_t begin;     // of its nodes; the root is the second, so that siblings share a cache line
    std::uint32_t depth;   // steps from the root to the deepest leaf
    std::uint32_t output;
  };

  template <class Walk>
  void dispatch(bool missing, Walk&& walk) const {
    if (sets_.empty()) {
      missing ? walk.template operator()<true, false>() : walk.template operator()<false, false>();
    } else {
      missing ? walk.template operator()<true, true>() : walk.template operator()<false, true>();
    }
  }

  // Eight rows at a time, feature by feature, and the feature that leaves ask for. Returns whether a NaN is there.
  bool interleave(const float* x, std::size_t count, float* to) const {
    bool missing = false;
    for (std::size_t first = 0; first < count; first += lanes, to += (features_ + 1) * lanes) {
      for (std::size_t lane = 0; lane < lanes; ++lane) {
        const float* row = x + std::min(first + lane, count - 1) * features_;
        for (std::size_t f = 0; f < features_; ++f) {
          to[f * lanes + lane] = row[f];
          missing |= row[f] != row[f];
        }
        to[features_ * lanes + lane] = std::numeric_limits<float>::quiet_NaN();
      }
    }
    return missing;
  }

  void add(const Tree& tree, std::uint32_t leaf, float* out) const {
    if (!vectors_) {
      out[tree.output] += std::bit_cast<float>(leaf);
      return;
    }
    const float* vector = vector_leaves_.data() + leaf;
    for (std::size_t k = 0; k < outputs_; ++k) out[k] += vector[k];
  }

  template <bool missing, bool categories>
  void rows_of_block(const float* x, std::size_t count, float* out) const {
    const std::uint32_t* sets = sets_.data();
    for (const Tree& tree : trees_) {
      const Node<Index>* nodes = nodes_.data() + tree.begin;
      const float* rows = x;
      for (std::size_t first = 0; first < count; first += lanes, rows += (features_ + 1) * lanes) {
        std::uint32_t at[lanes];
        std::fill_n(at, lanes, 1u);
        for (std::uint32_t left = tree.depth; left > 0;) {
          for (std::uint32_t steps = std::min(left, stride); steps > 0; --steps, --left) {
#pragma GCC unroll 8
            for (std::size_t lane = 0; lane < lanes; ++lane) {
              const Node<Index>& node = nodes[at[lane]];
              const float value = rows[(node.split & feature_of<Index>)*lanes + lane];
              at[lane] = step<missing, categories>(node, value, sets);
            }
          }
          if (left > 0 && std::all_of(at, at + lanes, [&](std::uint32_t i) { return nodes[i].split == features_; })) break;
        }
        const std::size_t present = std::min(lanes, count - first);
        for (std::size_t lane = 0; lane < present; ++lane) {
          add(tree, nodes[at[lane]].value, out + (first + lane) * outputs_);
        }
      }
    }
  }

  template <bool missing, bool categories>
  void one_row(const float* row, float* out) const {
    const std::uint32_t* sets = sets_.data();
    for (std::size_t first = 0; first < trees_.size(); first += lanes) {
      const Node<Index>* nodes[lanes];
      std::uint32_t at[lanes];
      std::uint32_t left = 0;
      for (std::size_t lane = 0; lane < lanes; ++lane) {
        const Tree& tree = trees_[std::min(first + lane, trees_.size() - 1)];
        nodes[lane] = nodes_.data() + tree.begin;
        at[lane] = 1;
        left = std::max(left, tree.depth);
      }
      while (left > 0) {
        for (std::uint32_t steps = std::min(left, stride); steps > 0; --steps, --left) {
#pragma GCC unroll 8
          for (std::size_t lane = 0; lane < lanes; ++lane) {
            const Node<Index>& node = nodes[lane][at[lane]];
            at[lane] = step<missing, categories>(node, row[node.split & feature_of<Index>], sets);
          }
        }
        if (left == 0) break;
        bool ended = true;
        for (std::size_t lane = 0; lane < lanes; ++lane) ended &= nodes[lane][at[lane]].split == features_;
        if (ended) break;
      }
      const std::size_t present = std::min(lanes, trees_.size() - first);
      for (std::size_t lane = 0; lane < present; ++lane) add(trees_[first + lane], nodes[lane][at[lane]].value, out);
    }
  }

  // Breadth first, so that the nodes most walks pass share cache lines.
  void add_tree(const Source& source, std::size_t t, std::size_t base, std::size_t size) {
    Tree tree{nodes_.size(), 0, vectors_ ? 0u : static_cast<std::uint32_t>(source.tree_output[t])};
    const std::vector<std::uint32_t> set_of = sets_.add_tree(source, base, size);
    // Node of the source -> its place here; 0 is no place. What is reached twice has a loop or a shared child.
    std::vector<std::uint32_t> place(size, 0);
    std::vector<std::int32_t> queue{0};
    std::vector<std::uint32_t> level{0};
    place[0] = 1;
    nodes_.resize(tree.begin + 2);
    for (std::size_t i = 0; i < queue.size(); ++i) {
      const std::size_t n = base + static_cast<std::size_t>(queue[i]);
      const std::uint32_t at = place[static_cast<std::size_t>(queue[i])];
      tree.depth = std::max(tree.depth, level[i]);
      const std::int32_t left = source.left[n];
      if (left == -1) {
        std::uint32_t value = std::bit_cast<std::uint32_t>(source.value[n] * source.tree_weight[t]);
        if (vectors_) value = vector_leaf(source, t, source.right[n]);
        nodes_[tree.begin + at] = {value, static_cast<Index>(features_), static_cast<Index>(at)};
        continue;
      }
      if (left < 1 || static_cast<std::size_t>(left) + 1 >= size || source.right[n] != left + 1) {
        throw std::invalid_argument("a node's children are not side by side in its tree");
      }
      const std::int32_t feature = source.feature[n];
      if (feature < 0 || static_cast<std::size_t>(feature) >= features_) {
        throw std::invalid_argument("a node asks for a feature the model does not have");
      }
      const std::size_t child = nodes_.size() - tree.begin;
      if (child + 1 > std::numeric_limits<Index>::max()) throw std::length_error("a tree has too many nodes");
      nodes_.resize(nodes_.size() + 2);
      for (std::int32_t side = 0; side < 2; ++side) {
        std::uint32_t& taken = place[static_cast<std::size_t>(left + side)];
        if (taken != 0) throw std::invalid_argument("a node has two parents");
        taken = static_cast<std::uint32_t>(child) + static_cast<std::uint32_t>(side);
        queue.push_back(left + side);
        level.push_back(level[i] + 1);
      }
      auto split = static_cast<Index>(feature);
      if (!source.default_left[n]) split |= default_right<Index>;
      if (source.categorical[n]) split |= categorical<Index>;
      const std::uint32_t value = source.categorical[n] ? set_of[n - base] : std::bit_cast<std::uint32_t>(source.value[n]);
      nodes_[tree.begin + at] = {value, split, static_cast<Index>(child)};
    }
    trees_.push_back(tree);
  }

  std::uint32_t vector_leaf(const Source& source, std::size_t t, std::int32_t number) {
    const std::size_t begin = static_cast<std::size_t>(number) * outputs_;
    if (number < 0 || begin + outputs_ > source.leaf_vector.size()) {
      throw std::invalid_argument("a leaf has no values");
    }
    const std::size_t at = vector_leaves_.size();
    if (at + outputs_ > std::numeric_limits<std::uint32_t>::max()) throw std::length_error("too many leaves");
    for (std::size_t k = 0; k < outputs_; ++k) {
      vector_leaves_.push_back(source.leaf_vector[begin + k] * source.tree_weight[t]);
    }
    return static_cast<std::uint32_t>(at);
  }

  std::size_t features_;
  std::size_t outputs_;
  std::size_t block_;
  bool vectors_;
  std::vector<float> start_;
  std::vector<Tree> trees_;
  std::vector<Node<Index>> nodes_;
  Categories sets_;
  std::vector<float> vector_leaves_;
};

}  // namespace

void check(const Source& source) {
  constexpr std::size_t limit = (std::size_t{1} << 30) - 2;
  if (source.features < 1 || source.features > limit) throw std::invalid_argument("the number of features");
  if (source.outputs < 1 || source.outputs > limit) throw std::invalid_argument("the number of outputs");
  if (source.start.size() != source.outputs) throw std::invalid_argument("one start for each output");
  const std::size_t trees = source.tree_size.size(), nodes = source.left.size();
  if (trees < 1 || source.tree_output.size() != trees || source.tree_weight.size() != trees) {
    throw std::invalid_argument("one size, output and weight for each tree");
  }
  std::size_t sum = 0;
  for (std::size_t t = 0; t < trees; ++t) {
    if (source.tree_size[t] < 1) throw std::invalid_argument("a tree has no nodes");
    sum += static_cast<std::size_t>(source.tree_size[t]);
    const std::int32_t output = source.tree_output[t];
    if (output < 0 || static_cast<std::size_t>(output) >= source.outputs) {
      throw std::invalid_argument("a tree adds to an output the model does not have");
    }
  }
  if (sum != nodes || source.cover.size() != nodes || source.right.size() != nodes || source.feature.size() != nodes || source.value.size() != nodes ||
      source.default_left.size() != nodes || source.categorical.size() != nodes) {
    throw std::invalid_argument("every array has an element for each node");
  }
}

std::unique_ptr<const Forest> Forest::pack(const Source& source) {
  check(source);
  const auto largest = static_cast<std::size_t>(*std::max_element(source.tree_size.begin(), source.tree_size.end()));
  const bool narrow = source.features < feature_of<std::uint16_t> && largest < std::numeric_limits<std::uint16_t>::max();
  if (narrow) return std::make_unique<const Packed<std::uint16_t>>(source);
  return std::make_unique<const Packed<std::uint32_t>>(source);
}

}  // namespace serving

#include "nodes.hpp"

#include <algorithm>
#include <stdexcept>

namespace serving {

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

template <class Index>
Nodes<Index>::Nodes(const Source& source)
    : features_(source.features), outputs_(source.outputs), vectors_(!source.leaf_vector.empty()) {
  std::size_t node = 0;
  for (std::size_t t = 0; t < source.tree_size.size(); ++t) {
    const auto size = static_cast<std::size_t>(source.tree_size[t]);
    add_tree(source, t, node, size);
    node += size;
  }
  sets_.check_all_taken(source);
}

// Breadth first, so that the nodes most walks pass share cache lines.
template <class Index>
void Nodes<Index>::add_tree(const Source& source, std::size_t t, std::size_t base, std::size_t size) {
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

template <class Index>
std::uint32_t Nodes<Index>::vector_leaf(const Source& source, std::size_t t, std::int32_t number) {
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

template class Nodes<std::uint16_t>;
template class Nodes<std::uint32_t>;

}  // namespace serving

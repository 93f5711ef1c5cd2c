#include "shap_paths.hpp"

#include <algorithm>
#include <limits>
#include <stdexcept>

namespace serving::shap {
namespace {

constexpr auto most = std::numeric_limits<std::uint32_t>::max();

float branch_weight(float cover, float parent) {
  constexpr float least = 1e-12f;
  return parent <= 0.0f ? 0.5f : std::max(cover / parent, least);
}

struct Pending {
  std::int32_t node;
  std::uint32_t parent, depth;
  float weight;        // the product of the branch weights
  double mean_weight;  // of the node in the mean over all leaves
};

// Takes one tree in, from its root down.
class Taking {
 public:
  Taking(Paths& to, const Source& source, std::size_t t, std::size_t base)
      : to_(to), source_(source), base_(base), size_(static_cast<std::size_t>(source.tree_size[t])) {
    sets_ = to.sets.add_tree(source, base, size_);
    tree_ = {to.steps.size(), 0, to.used.size(), 0, static_cast<std::uint32_t>(source.tree_output[t]),
             source.tree_weight[t]};
  }

  // `means`: by output, of the values of all leaves so far, as often as training rows came to them.
  void add_to(std::vector<double>& means) {
    std::vector<double> of_tree(to_.vectors ? to_.outputs : 0, 0.0);
    std::vector<bool> reached(size_, false);
    std::vector<Pending> waiting{{0, 0, 0, 1.0f, 1.0}};
    while (!waiting.empty()) {
      const Pending here = waiting.back();
      waiting.pop_back();
      const auto node = static_cast<std::size_t>(here.node);
      if (reached[node]) throw std::invalid_argument("a node has two parents");
      reached[node] = true;
      order_.push_back(node);
      if (here.depth > 0) add_step(here);
      if (source_.left[base_ + node] != -1) {
        split(here, waiting);
        continue;
      }
      const std::uint32_t leaf = add_leaf(base_ + node);
      if (here.depth > 0) {
        to_.steps.back().ends = true;
        to_.steps.back().weight = here.weight;
        to_.steps.back().leaf = leaf;
      }
      for (std::size_t k = 0; k < of_tree.size(); ++k) of_tree[k] += here.mean_weight * to_.leaves[leaf + k];
    }
    finish();
    if (to_.vectors) {
      for (std::size_t k = 0; k < to_.outputs; ++k) means[k] += of_tree[k] * tree_.weight;
    } else {
      means[tree_.output] += mean() * tree_.weight;
    }
  }

 private:
  void split(const Pending& here, std::vector<Pending>& waiting) const {
    const std::size_t n = base_ + static_cast<std::size_t>(here.node);
    const std::int32_t left = source_.left[n];
    if (left < 1 || static_cast<std::size_t>(left) + 1 >= size_ || source_.right[n] != left + 1) {
      throw std::invalid_argument("a node's children are not side by side in its tree");
    }
    if (source_.feature[n] < 0 || static_cast<std::size_t>(source_.feature[n]) >= source_.features) {
      throw std::invalid_argument("a node asks for a feature the model does not have");
    }
    const auto mine = static_cast<std::uint32_t>(to_.steps.size() - 1);
    const float cover = source_.cover[n];
    for (const std::int32_t child : {left + 1, left}) {
      const float its = source_.cover[base_ + static_cast<std::size_t>(child)];
      if (!(cover >= 0.0f) || !(its >= 0.0f)) throw std::invalid_argument("a node's cover is negative");
      const double mean = cover == 0.0f ? here.mean_weight * 0.5 : here.mean_weight * its / cover;
      waiting.push_back({child, mine, here.depth + 1, here.weight * branch_weight(its, cover), mean});
    }
  }

  void add_step(const Pending& here) {
    // The node's parent; side by side, the right child's number is one more than the left one's.
    const std::size_t up =
        base_ + static_cast<std::size_t>(here.depth > 1 ? nodes_of_[here.parent - tree_.begin] : 0);
    const auto feature = static_cast<std::uint32_t>(source_.feature[up]);
    Step step{};
    step.parent = here.parent;
    step.depth = here.depth;
    to_.deepest = std::max<std::size_t>(to_.deepest, here.depth);
    step.right = here.node == source_.right[up];
    step.feature = feature;
    step.threshold = source_.value[up];
    step.categorical = source_.categorical[up] != 0;
    step.default_left = source_.default_left[up] != 0;
    if (step.categorical) step.set = sets_[up - base_];
    const float weight = branch_weight(source_.cover[base_ + static_cast<std::size_t>(here.node)], source_.cover[up]);
    step.enter = 1.0f / weight;
    std::uint32_t at = here.parent;
    for (std::uint32_t depth = here.depth - 1; depth > 0; --depth, at = to_.steps[at].parent) {
      if (to_.steps[at].feature != feature) continue;
      step.above = depth;
      step.before = to_.steps[at].enter;
      step.enter = step.before / weight;
      break;
    }
    to_.steps.push_back(step);
    nodes_of_.push_back(here.node);
  }

  std::uint32_t add_leaf(std::size_t n) {
    std::vector<float>& leaves = to_.leaves;
    const std::size_t at = leaves.size();
    if (at + to_.outputs > most) throw std::length_error("too many leaves");
    if (!to_.vectors) {
      leaves.push_back(source_.value[n]);
      return static_cast<std::uint32_t>(at);
    }
    const std::size_t begin = static_cast<std::size_t>(source_.right[n]) * to_.outputs;
    if (source_.right[n] < 0 || begin + to_.outputs > source_.leaf_vector.size()) {
      throw std::invalid_argument("a leaf has no values");
    }
    const auto first = source_.leaf_vector.begin() + static_cast<std::ptrdiff_t>(begin);
    leaves.insert(leaves.end(), first, first + static_cast<std::ptrdiff_t>(to_.outputs));
    return static_cast<std::uint32_t>(at);
  }

  void finish() {
    tree_.end = to_.steps.size();
    if (tree_.end > most) throw std::length_error("too many nodes");
    std::vector<std::uint32_t>& used = to_.used;
    for (std::size_t s = tree_.begin; s < tree_.end; ++s) used.push_back(to_.steps[s].feature);
    const auto begin = used.begin() + static_cast<std::ptrdiff_t>(tree_.used_begin);
    std::sort(begin, used.end());
    used.erase(std::unique(begin, used.end()), used.end());
    tree_.used_end = used.size();
    to_.trees.push_back(tree_);
  }

  // Of a tree with one value a leaf: from the leaves up, as XGBoost has it.
  double mean() const {
    std::vector<double> below(size_, 0.0);
    for (auto node = order_.rbegin(); node != order_.rend(); ++node) {  // children before parents
      const std::size_t n = base_ + *node;
      below[*node] = source_.value[n];
      if (source_.left[n] == -1) continue;
      const auto left = static_cast<std::size_t>(source_.left[n]);
      const float cover = source_.cover[n];
      below[*node] = cover == 0.0f ? 0.5 * (below[left] + below[left + 1])
                                   : (below[left] * source_.cover[base_ + left] +
                                      below[left + 1] * source_.cover[base_ + left + 1]) / cover;
    }
    return below[0];
  }

  Paths& to_;
  const Source& source_;
  std::size_t base_, size_;
  Tree tree_;
  std::vector<std::uint32_t> sets_;
  std::vector<std::size_t> order_;      // the nodes as they were reached
  std::vector<std::int32_t> nodes_of_;  // by step of this tree
};

}  // namespace

Paths::Paths(const Source& source) : outputs(source.outputs), vectors(!source.leaf_vector.empty()) {
  std::vector<double> means(outputs, 0.0);
  std::size_t base = 0;
  for (std::size_t t = 0; t < source.tree_size.size(); ++t) {
    Taking(*this, source, t, base).add_to(means);
    base += static_cast<std::size_t>(source.tree_size[t]);
  }
  sets.check_all_taken(source);
  for (std::size_t k = 0; k < outputs; ++k) {
    float start = 0.0f;
    start += static_cast<float>(means[k]);
    bias.push_back(start + source.start[k]);
  }
}

}  // namespace serving::shap

#include "contributions.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <stdexcept>
#include <vector>

#include "categories.hpp"

namespace serving {
namespace {

// XGBoost 3.4's TreeSHAP (src/predictor/interpretability) integrates over these points, and every float32 here is the
// one it gets: the same operations in the same order. What does not depend on a row is worked out once: how a walk
// passes the nodes, and for each the probability of the split's feature, which is 0 or, where the row takes all of the
// path's turns on that feature, one number.
constexpr std::size_t points = 8;

struct Rule {
  float nodes[points], weights[points];
  float never[points];  // a split's factor where its feature's probability is 0
};

double legendre(std::size_t n, double x) {
  double before = 1.0, now = x;
  if (n == 0) return before;
  for (std::size_t k = 2; k <= n; ++k) {
    const auto d = static_cast<double>(k);
    const double next = ((2.0 * d - 1.0) * x * now - (d - 1.0) * before) / d;
    before = now;
    now = next;
  }
  return now;
}

Rule make_rule() {
  constexpr double pi = 3.141592653589793238462643383279502884;
  constexpr auto n = static_cast<double>(points);
  const auto slope = [&](double x, double at) { return n * (x * at - legendre(points - 1, x)) / (x * x - 1.0); };
  Rule rule;
  for (std::size_t i = 0; i < points; ++i) {
    double x = std::cos(pi * (static_cast<double>(i) + 0.75) / (n + 0.5));
    for (int step = 0; step < 64; ++step) {
      const double at = legendre(points, x), change = at / slope(x, at);
      x -= change;
      if (std::abs(change) < 1e-15) break;
    }
    const double steep = slope(x, legendre(points, x));
    const double weight = 2.0 / ((1.0 - x * x) * steep * steep);
    const double s = 0.5 * (x + 1.0), half = 0.5 * weight;
    rule.nodes[points - 1 - i] = static_cast<float>(s * s);
    rule.weights[points - 1 - i] = static_cast<float>(2.0 * s * half);
  }
  for (std::size_t i = 0; i < points; ++i) rule.never[i] = 1.0f + -1.0f * rule.nodes[i];
  return rule;
}

float branch_weight(float cover, float parent) {
  constexpr float least = 1e-12f;
  return parent <= 0.0f ? 0.5f : std::max(cover / parent, least);
}

// A node but the root, reached over the edge from its parent; in the order of a walk, left subtrees first.
struct Step {
  float enter;            // the feature's probability below, where the row has taken all turns on it so far
  float before;           // the same above, where the path has split on it before
  float threshold;        // of the parent
  float weight;           // at a leaf: the product of the path's branch weights
  std::uint32_t set;      // of the parent, where it is categorical
  std::uint32_t feature;  // of the parent
  std::uint32_t leaf;     // at a leaf: where its values begin
  std::uint32_t parent;   // its step
  std::uint32_t depth;    // from 1
  std::uint32_t above;    // the depth of the path's last edge from a split on the same feature; 0: there is none
  bool ends, right, categorical, default_left;
};

struct Tree {
  std::size_t begin, end;            // of its steps
  std::size_t used_begin, used_end;  // of the features it splits on
  std::uint32_t output;
  float weight;
};

template <int lanes>
struct Vector {
  typedef float Floats __attribute__((vector_size(4 * lanes)));
  typedef std::int32_t Bools __attribute__((vector_size(4 * lanes)));
};

// Where a walk keeps what it needs on the way back, by depth.
template <class Floats, class Bools, std::size_t wide>
struct Level {
  Floats reach[wide];  // products of the path's factors, at each point
  Floats left[wide];   // the left sibling's sums over leaves, while the right one's are worked out
  Floats factor[wide], factor_before[wide];
  Bools turn, taken;   // whether the row goes left at the parent; whether it has taken all turns on the feature
};

// Several rows at once, one to a lane.
template <int lanes>
struct RowsInLanes {
  using Floats = typename Vector<lanes>::Floats;
  using Bools = typename Vector<lanes>::Bools;
  using Here = Level<Floats, Bools, points>;

  [[gnu::always_inline]] static inline void decide(const Step& step, const std::uint32_t* sets, const float* rows,
                                                   Here& here) {
    const Floats x = reinterpret_cast<const Floats*>(rows)[step.feature];
    Bools left = x < step.threshold;
    if (step.categorical) {
      for (int lane = 0; lane < lanes; ++lane) left[lane] = in_set(sets + step.set, x[lane]) ? 0 : -1;
    }
    const Bools by_default = Bools{} - static_cast<std::int32_t>(step.default_left);
    here.turn = x != x ? by_default : left;
  }

  [[gnu::always_inline]] static inline void enter(const Step& step, const Rule& rule, Here* levels) {
    Here& here = levels[step.depth];
    const Here &up = levels[step.depth - 1], &again = levels[step.above];
    const Bools turn = step.right ? ~here.turn : here.turn;
    here.taken = step.above ? turn & again.taken : turn;
    const float alpha = step.enter - 1.0f, alpha_before = step.before - 1.0f;
    const Bools taken = here.taken, before = again.taken;
    for (std::size_t i = 0; i < points; ++i) {
      const Floats never = Floats{} + rule.never[i];
      const Floats factor = taken ? Floats{} + (1.0f + alpha * rule.nodes[i]) : never;
      Floats reach = up.reach[i] * factor;
      if (step.above) {
        const Floats other = before ? Floats{} + (1.0f + alpha_before * rule.nodes[i]) : never;
        reach /= other;
        here.factor_before[i] = other;
      }
      here.factor[i] = factor;
      here.reach[i] = reach;
    }
  }

  // What the split adds for its feature. A probability of exactly 1 adds nothing, also where infinity times zero would.
  [[gnu::always_inline]] static inline void leave(const Step& step, const Here* levels, const Floats* sums,
                                                  float* phi) {
    const Here &here = levels[step.depth], &again = levels[step.above];
    Floats delta{};
    const Bools skip = step.enter == 1.0f ? here.taken : Bools{};
    const Floats alpha = here.taken ? Floats{} + (step.enter - 1.0f) : Floats{} - 1.0f;
    for (std::size_t i = 0; i < points; ++i) {
      const Floats term = alpha * sums[i] / here.factor[i];
      delta += skip ? Floats{} : term;
    }
    if (step.above) {
      const Bools skip_before = step.before == 1.0f ? again.taken : Bools{};
      const Floats alpha_before = again.taken ? Floats{} + (step.before - 1.0f) : Floats{} - 1.0f;
      for (std::size_t i = 0; i < points; ++i) {
        const Floats term = alpha_before * sums[i] / here.factor_before[i];
        delta -= skip_before ? Floats{} : term;
      }
    }
    reinterpret_cast<Floats*>(phi)[step.feature] += delta;
  }

  [[gnu::always_inline]] static inline void load(const float* values, std::size_t i, Floats& to) {
    to = Floats{} + values[i];
  }
};

// One row, the points side by side in the lanes.
template <int lanes>
struct PointsInLanes {
  using Floats = typename Vector<lanes>::Floats;
  static constexpr std::size_t wide = points / lanes;
  using Here = Level<Floats, bool, wide>;

  [[gnu::always_inline]] static inline void decide(const Step& step, const std::uint32_t* sets, const float* rows,
                                                   Here& here) {
    const float x = rows[step.feature];
    const bool left = step.categorical ? !in_set(sets + step.set, x) : x < step.threshold;
    here.turn = x != x ? step.default_left : left;
  }

  [[gnu::always_inline]] static inline void enter(const Step& step, const Rule& rule, Here* levels) {
    Here& here = levels[step.depth];
    const Here &up = levels[step.depth - 1], &again = levels[step.above];
    here.taken = (here.turn != step.right) && (!step.above || again.taken);
    const float alpha = here.taken ? step.enter - 1.0f : -1.0f;
    const float alpha_before = again.taken ? step.before - 1.0f : -1.0f;
    for (std::size_t i = 0; i < wide; ++i) {
      Floats node;
      load(rule.nodes, i, node);
      here.factor[i] = 1.0f + alpha * node;
      here.reach[i] = up.reach[i] * here.factor[i];
      if (step.above) {
        here.factor_before[i] = 1.0f + alpha_before * node;
        here.reach[i] /= here.factor_before[i];
      }
    }
  }

  [[gnu::always_inline]] static inline void leave(const Step& step, const Here* levels, const Floats* sums,
                                                  float* phi) {
    const Here &here = levels[step.depth], &again = levels[step.above];
    float delta = 0.0f;
    if (const float p = here.taken ? step.enter : 0.0f; p != 1.0f) {
      alignas(32) Floats terms[wide];
      for (std::size_t i = 0; i < wide; ++i) terms[i] = (p - 1.0f) * sums[i] / here.factor[i];
      for (std::size_t i = 0; i < points; ++i) delta += terms[i / lanes][i % lanes];
    }
    if (const float p = again.taken ? step.before : 0.0f; step.above && p != 1.0f) {
      alignas(32) Floats terms[wide];
      for (std::size_t i = 0; i < wide; ++i) terms[i] = (p - 1.0f) * sums[i] / here.factor_before[i];
      for (std::size_t i = 0; i < points; ++i) delta -= terms[i / lanes][i % lanes];
    }
    phi[step.feature] += delta;
  }

  [[gnu::always_inline]] static inline void load(const float* values, std::size_t i, Floats& to) {
    __builtin_memcpy(&to, values + i * lanes, sizeof to);
  }
};

/// Adds to `phi`, by feature, what one tree gives for one of a leaf's values.
template <class Lanes>
[[gnu::always_inline]] inline void walk(const Step* steps, const Tree& tree, const Rule& rule,
                                        const std::uint32_t* sets, const float* leaves, const float* rows, float* phi,
                                        typename Lanes::Here* levels) {
  using Floats = typename Lanes::Floats;
  constexpr std::size_t wide = sizeof levels->reach / sizeof(Floats);
  for (Floats& reach : levels[0].reach) reach = Floats{} + 1.0f;
  levels[0].taken = decltype(levels[0].taken){};
  for (const Step* step = steps + tree.begin; step < steps + tree.end; ++step) {
    if (!step->right) Lanes::decide(*step, sets, rows, levels[step->depth]);
    Lanes::enter(*step, rule, levels);
    if (!step->ends) continue;
    const float scale = step->weight * leaves[step->leaf];
    Floats sums[wide];
    for (std::size_t i = 0; i < wide; ++i) {
      Floats weight;
      Lanes::load(rule.weights, i, weight);
      sums[i] = levels[step->depth].reach[i] * scale * weight;
    }
    for (const Step* back = step;; back = steps + back->parent) {
      Lanes::leave(*back, levels, sums, phi);
      auto& here = levels[back->depth];
      if (!back->right) {
        std::copy(sums, sums + wide, here.left);
        break;
      }
      for (std::size_t i = 0; i < wide; ++i) sums[i] = here.left[i] + sums[i];
      if (back->depth == 1) break;
    }
  }
}

using Walk = void(const Step*, const Tree&, const Rule&, const std::uint32_t*, const float*, const float*, float*, void*);

#define SERVING_WALK(name, attribute, Lanes)                                                                      \
  attribute void name(const Step* steps, const Tree& tree, const Rule& rule, const std::uint32_t* sets,           \
                      const float* leaves, const float* rows, float* phi, void* levels) {                         \
    walk<Lanes>(steps, tree, rule, sets, leaves, rows, phi, static_cast<typename Lanes::Here*>(levels));          \
  }
SERVING_WALK(four_rows, , RowsInLanes<4>)
SERVING_WALK(one_row, , PointsInLanes<4>)
#if defined(__x86_64__)
// Beyond the baseline, and so only where the machine says that it has it. Eight of the same operations at once.
SERVING_WALK(eight_rows, [[gnu::target("avx2")]], RowsInLanes<8>)
SERVING_WALK(one_row_wide, [[gnu::target("avx2")]], PointsInLanes<8>)
bool is_wide() { return __builtin_cpu_supports("avx2"); }
#else
SERVING_WALK(eight_rows, , RowsInLanes<8>)
SERVING_WALK(one_row_wide, , PointsInLanes<8>)
bool is_wide() { return false; }
#endif
#undef SERVING_WALK

constexpr std::size_t most_lanes = 8;
// A row alone is walked with the points in the lanes: that costs half of what a walk of several rows does.
constexpr std::size_t few = 2;

class Prepared final : public Contributions {
 public:
  explicit Prepared(const Source& source)
      : features_(source.features), outputs_(source.outputs), has_wide_(is_wide()), rule_(make_rule()) {
    vectors_ = !source.leaf_vector.empty();
    std::vector<double> means(outputs_, 0.0);
    std::size_t base = 0;
    for (std::size_t t = 0; t < source.tree_size.size(); ++t) {
      const auto size = static_cast<std::size_t>(source.tree_size[t]);
      add_tree(source, t, base, size, means);
      base += size;
    }
    sets_.check_all_taken(source);
    nodes_of_ = {};
    for (std::size_t k = 0; k < outputs_; ++k) {
      float bias = 0.0f;
      bias += static_cast<float>(means[k]);
      bias_.push_back(bias + source.start[k]);
    }
  }

  std::size_t features() const noexcept override { return features_; }
  std::size_t outputs() const noexcept override { return outputs_; }
  std::size_t nodes() const noexcept override { return steps_.size() * (vectors_ ? outputs_ : 1); }
  std::size_t scratch() const noexcept override {
    return levels_size() + 2 * features_ * most_lanes;
  }

  void of(const float* x, std::size_t rows, bool wide, float* out, float* scratch) const noexcept override {
    wide = wide && has_wide_;
    const std::size_t lanes = wide ? 8 : 4;
    const std::size_t columns = features_ + 1;
    for (std::size_t r = 0; r < rows; ++r) {
      for (std::size_t k = 0; k < outputs_; ++k) {
        float* row = out + (r * outputs_ + k) * columns;
        std::fill_n(row, features_, 0.0f);
        row[features_] = bias_[k];
      }
    }
    float* together = scratch + levels_size();
    float* phi = together + features_ * most_lanes;
    for (std::size_t first = 0; first < rows;) {
      const std::size_t count = std::min(lanes, rows - first);
      float* to = out + first * outputs_ * columns;
      if (count < few) {
        add(wide ? one_row_wide : one_row, 1, x + first * features_, 1, to, phi, scratch);
        ++first;
        continue;
      }
      for (std::size_t lane = 0; lane < lanes; ++lane) {
        const float* row = x + (first + std::min(lane, count - 1)) * features_;
        for (std::size_t f = 0; f < features_; ++f) together[f * lanes + lane] = row[f];
      }
      add(wide ? eight_rows : four_rows, lanes, together, count, to, phi, scratch);
      first += count;
    }
  }

 private:
  std::size_t levels_size() const noexcept {
    constexpr std::size_t level = sizeof(RowsInLanes<most_lanes>::Here);
    static_assert(level >= sizeof(PointsInLanes<4>::Here) && level % alignment == 0);
    return (deepest_ + 1) * level / sizeof(float);
  }

  void add(Walk* walk, std::size_t lanes, const float* rows, std::size_t count, float* out, float* phi,
           void* levels) const noexcept {
    for (const Tree& tree : trees_) {
      const std::size_t first = vectors_ ? 0 : tree.output, last = vectors_ ? outputs_ : tree.output + 1;
      for (std::size_t k = first; k < last; ++k) {
        for (std::size_t u = tree.used_begin; u < tree.used_end; ++u) std::fill_n(phi + used_[u] * lanes, lanes, 0.0f);
        walk(steps_.data(), tree, rule_, sets_.data(), leaves_.data() + (vectors_ ? k : 0), rows, phi, levels);
        for (std::size_t lane = 0; lane < count; ++lane) {
          float* row = out + (lane * outputs_ + k) * (features_ + 1);
          for (std::size_t u = tree.used_begin; u < tree.used_end; ++u) {
            row[used_[u]] += phi[used_[u] * lanes + lane] * tree.weight;
          }
        }
      }
    }
  }

  struct Pending {
    std::int32_t node;
    std::uint32_t parent, depth;
    float weight;        // the product of the branch weights
    double mean_weight;  // of the node in the mean over all leaves
  };

  void add_tree(const Source& source, std::size_t t, std::size_t base, std::size_t size, std::vector<double>& means) {
    const std::vector<std::uint32_t> sets = sets_.add_tree(source, base, size);
    Tree tree{steps_.size(), 0, used_.size(), 0, static_cast<std::uint32_t>(source.tree_output[t]),
              source.tree_weight[t]};
    std::vector<double> of_tree(vectors_ ? outputs_ : 0, 0.0), below(vectors_ ? 0 : size, 0.0);
    std::vector<std::int32_t> order;
    std::vector<bool> reached(size, false);
    std::vector<Pending> waiting{{0, 0, 0, 1.0f, 1.0}};
    while (!waiting.empty()) {
      const Pending here = waiting.back();
      waiting.pop_back();
      const std::size_t n = base + static_cast<std::size_t>(here.node);
      if (reached[n - base]) throw std::invalid_argument("a node has two parents");
      reached[n - base] = true;
      order.push_back(here.node);
      if (here.depth > 0) add_step(source, base, here, sets);
      const auto mine = static_cast<std::uint32_t>(steps_.size() - 1);
      const std::int32_t left = source.left[n];
      if (left == -1) {
        const std::uint32_t leaf = add_leaf(source, n);
        if (here.depth > 0) {
          steps_.back().ends = true;
          steps_.back().weight = here.weight;
          steps_.back().leaf = leaf;
        }
        for (std::size_t k = 0; k < of_tree.size(); ++k) of_tree[k] += here.mean_weight * leaves_[leaf + k];
        continue;
      }
      if (left < 1 || static_cast<std::size_t>(left) + 1 >= size || source.right[n] != left + 1) {
        throw std::invalid_argument("a node's children are not side by side in its tree");
      }
      if (source.feature[n] < 0 || static_cast<std::size_t>(source.feature[n]) >= features_) {
        throw std::invalid_argument("a node asks for a feature the model does not have");
      }
      const float cover = source.cover[n];
      for (const std::int32_t child : {left + 1, left}) {
        const float its = source.cover[base + static_cast<std::size_t>(child)];
        if (!(cover >= 0.0f) || !(its >= 0.0f)) throw std::invalid_argument("a node's cover is negative");
        const double mean = cover == 0.0f ? here.mean_weight * 0.5 : here.mean_weight * its / cover;
        waiting.push_back({child, mine, here.depth + 1, here.weight * branch_weight(its, cover), mean});
      }
    }
    tree.end = steps_.size();
    if (tree.end > std::numeric_limits<std::uint32_t>::max()) throw std::length_error("too many nodes");
    for (std::size_t s = tree.begin; s < tree.end; ++s) used_.push_back(steps_[s].feature);
    std::sort(used_.begin() + static_cast<std::ptrdiff_t>(tree.used_begin), used_.end());
    used_.erase(std::unique(used_.begin() + static_cast<std::ptrdiff_t>(tree.used_begin), used_.end()), used_.end());
    tree.used_end = used_.size();
    trees_.push_back(tree);
    if (vectors_) {
      for (std::size_t k = 0; k < outputs_; ++k) means[k] += of_tree[k] * tree.weight;
      return;
    }
    for (auto node = order.rbegin(); node != order.rend(); ++node) {  // children before parents
      const auto i = static_cast<std::size_t>(*node);
      below[i] = source.value[base + i];
      if (source.left[base + i] == -1) continue;
      const auto left = static_cast<std::size_t>(source.left[base + i]);
      const float cover = source.cover[base + i];
      below[i] = cover == 0.0f ? 0.5 * (below[left] + below[left + 1])
                               : (below[left] * source.cover[base + left] +
                                  below[left + 1] * source.cover[base + left + 1]) / cover;
    }
    means[tree.output] += below[0] * tree.weight;
  }

  void add_step(const Source& source, std::size_t base, const Pending& here, const std::vector<std::uint32_t>& sets) {
    // The node's parent; side by side, the right child's number is one more than the left one's.
    Step step{};
    step.parent = here.parent;
    step.depth = here.depth;
    deepest_ = std::max<std::size_t>(deepest_, here.depth);
    const std::size_t up = base + static_cast<std::size_t>(here.depth > 1 ? nodes_of_[here.parent] : 0);
    const auto feature = static_cast<std::uint32_t>(source.feature[up]);
    step.right = here.node == source.right[up];
    step.feature = feature;
    step.threshold = source.value[up];
    step.categorical = source.categorical[up] != 0;
    step.default_left = source.default_left[up] != 0;
    if (step.categorical) step.set = sets[up - base];
    const float weight = branch_weight(source.cover[base + static_cast<std::size_t>(here.node)], source.cover[up]);
    step.enter = 1.0f / weight;
    std::uint32_t at = here.parent;
    for (std::uint32_t depth = here.depth - 1; depth > 0; --depth, at = steps_[at].parent) {
      if (steps_[at].feature != feature) continue;
      step.above = depth;
      step.before = steps_[at].enter;
      step.enter = step.before / weight;
      break;
    }
    steps_.push_back(step);
    nodes_of_.push_back(here.node);
  }

  std::uint32_t add_leaf(const Source& source, std::size_t n) {
    const std::size_t at = leaves_.size();
    if (at + outputs_ > std::numeric_limits<std::uint32_t>::max()) throw std::length_error("too many leaves");
    if (!vectors_) {
      leaves_.push_back(source.value[n]);
    } else {
      const std::size_t begin = static_cast<std::size_t>(source.right[n]) * outputs_;
      if (source.right[n] < 0 || begin + outputs_ > source.leaf_vector.size()) {
        throw std::invalid_argument("a leaf has no values");
      }
      leaves_.insert(leaves_.end(), source.leaf_vector.begin() + static_cast<std::ptrdiff_t>(begin),
                     source.leaf_vector.begin() + static_cast<std::ptrdiff_t>(begin + outputs_));
    }
    return static_cast<std::uint32_t>(at);
  }

  std::size_t features_, outputs_, deepest_ = 0;
  bool has_wide_, vectors_ = false;
  Rule rule_;
  std::vector<float> bias_;
  std::vector<Tree> trees_;
  std::vector<Step> steps_;
  std::vector<std::int32_t> nodes_of_;  // by step, while trees are added
  std::vector<std::uint32_t> used_;
  std::vector<float> leaves_;
  Categories sets_;
};

}  // namespace

std::unique_ptr<const Contributions> Contributions::prepare(const Source& source) {
  check(source);
  return std::make_unique<const Prepared>(source);
}

}  // namespace serving

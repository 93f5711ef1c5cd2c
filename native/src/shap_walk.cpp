#include "shap_walk.hpp"

#include <algorithm>

namespace serving::shap {
namespace {

// Every float32 here is the one XGBoost gets: the same operations in the same order. A split's probability is 0 or, where
// the row takes all of the path's turns on its feature, the one number of its step.

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

}  // namespace

#define SERVING_WALK(name, attribute, Lanes)                                                                      \
  attribute void name(const Step* steps, const Tree& tree, const Rule& rule, const std::uint32_t* sets,           \
                      const float* leaves, const float* rows, float* phi, void* levels) {                         \
    walk<Lanes>(steps, tree, rule, sets, leaves, rows, phi, static_cast<typename Lanes::Here*>(levels));          \
  }
SERVING_WALK(four_rows, , RowsInLanes<4>)
SERVING_WALK(one_row, , PointsInLanes<4>)
#if defined(__x86_64__)
SERVING_WALK(eight_rows, [[gnu::target("avx2")]], RowsInLanes<8>)
SERVING_WALK(one_row_wide, [[gnu::target("avx2")]], PointsInLanes<8>)
bool is_wide() { return __builtin_cpu_supports("avx2"); }
#else
SERVING_WALK(eight_rows, , RowsInLanes<8>)
SERVING_WALK(one_row_wide, , PointsInLanes<8>)
bool is_wide() { return false; }
#endif
#undef SERVING_WALK


const std::size_t level_size = sizeof(RowsInLanes<most_lanes>::Here);
static_assert(sizeof(RowsInLanes<most_lanes>::Here) >= sizeof(PointsInLanes<4>::Here) &&
              sizeof(RowsInLanes<most_lanes>::Here) % alignment == 0);

}  // namespace serving::shap

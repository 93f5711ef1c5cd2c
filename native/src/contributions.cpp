#include "contributions.hpp"

#include <algorithm>

#include "shap_paths.hpp"
#include "shap_points.hpp"
#include "shap_walk.hpp"

namespace serving {
namespace {

using namespace shap;

// A row alone is walked with the points in the lanes: that costs half of what a walk of several rows does.
constexpr std::size_t few = 2;

class Prepared final : public Contributions {
 public:
  explicit Prepared(const Source& source)
      : features_(source.features), has_wide_(is_wide()), rule_(make_rule()), paths_(source) {}

  std::size_t features() const noexcept override { return features_; }
  std::size_t outputs() const noexcept override { return paths_.outputs; }
  std::size_t nodes() const noexcept override { return paths_.steps.size() * (paths_.vectors ? outputs() : 1); }
  std::size_t scratch() const noexcept override { return levels_size() + 2 * features_ * most_lanes; }

  void of(const float* x, std::size_t rows, bool wide, float* out, float* scratch) const noexcept override {
    wide = wide && has_wide_;
    const std::size_t lanes = wide ? 8 : 4;
    const std::size_t columns = features_ + 1;
    for (std::size_t r = 0; r < rows; ++r) {
      for (std::size_t k = 0; k < outputs(); ++k) {
        float* row = out + (r * outputs() + k) * columns;
        std::fill_n(row, features_, 0.0f);
        row[features_] = paths_.bias[k];
      }
    }
    float* together = scratch + levels_size();
    float* phi = together + features_ * most_lanes;
    for (std::size_t first = 0; first < rows;) {
      const std::size_t count = std::min(lanes, rows - first);
      float* to = out + first * outputs() * columns;
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
  static_assert(alignment == shap::alignment);
  std::size_t levels_size() const noexcept { return (paths_.deepest + 1) * level_size / sizeof(float); }

  void add(Walk* walk, std::size_t lanes, const float* rows, std::size_t count, float* out, float* phi,
           void* levels) const noexcept {
    const auto& used = paths_.used;
    for (const Tree& tree : paths_.trees) {
      const std::size_t first = paths_.vectors ? 0 : tree.output, last = paths_.vectors ? outputs() : tree.output + 1;
      for (std::size_t k = first; k < last; ++k) {
        for (std::size_t u = tree.used_begin; u < tree.used_end; ++u) std::fill_n(phi + used[u] * lanes, lanes, 0.0f);
        const float* leaves = paths_.leaves.data() + (paths_.vectors ? k : 0);
        walk(paths_.steps.data(), tree, rule_, paths_.sets.data(), leaves, rows, phi, levels);
        for (std::size_t lane = 0; lane < count; ++lane) {
          float* row = out + (lane * outputs() + k) * (features_ + 1);
          for (std::size_t u = tree.used_begin; u < tree.used_end; ++u) {
            row[used[u]] += phi[used[u] * lanes + lane] * tree.weight;
          }
        }
      }
    }
  }

  std::size_t features_;
  bool has_wide_;
  Rule rule_;
  Paths paths_;
};

}  // namespace

std::unique_ptr<const Contributions> Contributions::prepare(const Source& source) {
  check(source);
  return std::make_unique<const Prepared>(source);
}

}  // namespace serving

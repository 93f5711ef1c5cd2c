#include "forest.hpp"

#include <algorithm>
#include <bit>
#include <cmath>
#include <limits>
#include <vector>

#include "levels.hpp"
#include "nodes.hpp"

namespace serving {
namespace {

// Walks done at once: so many that one's wait for memory is another's time to compute.
constexpr std::size_t lanes = 8;
// Rows walked each by itself, through eight trees at once: eight rows through one tree take as long as six so.
constexpr std::size_t alone = 5;
// Rows that pass a tree while it is in the cache: so many, unless their numbers are more than that.
constexpr std::size_t block_rows = plane_rows, block_numbers = 1 << 16;
// Steps between two looks at whether all walks have ended, for trees that are deep in few places.
constexpr std::uint32_t stride = 8;

template <class Index>
class Packed final : public Forest {
 public:
  explicit Packed(const Source& source)
      : nodes_(source), levels_(nodes_), start_(source.start.begin(), source.start.end()) {
    block_ = std::clamp(block_numbers / (features() + 1) / lanes * lanes, lanes, block_rows);
  }

  std::size_t features() const noexcept override { return nodes_.features(); }
  std::size_t outputs() const noexcept override { return nodes_.outputs(); }
  std::size_t trees() const noexcept override { return nodes_.trees().size(); }

  bool can(Way way) const noexcept override {
    // Where trees go on below their levels, the rows' numbers are needed as well.
    return way == Way::steps || (has(way) && !levels_.empty() && (levels_.complete() || block_ == block_rows));
  }

  std::size_t scratch(std::size_t rows, std::optional<Way> way) const noexcept override {
    const std::size_t most = std::min(rows, block_rows), numbers = features() + 1;
    if ((way ? *way : best(most)) == Way::steps) return numbers * (most <= alone ? 1 : std::min(whole(most), block_));
    const std::size_t bytes = levels_.bytes_of_planes() + plane_rows + alignment;
    return numbers * std::min(whole(most), block_) + bytes / sizeof(float);
  }

  void margins(const float* x, std::size_t rows, float* out, float* scratch,
               std::optional<Way> way) const noexcept override {
    for (std::size_t r = 0; r < rows; ++r) std::copy(start_.begin(), start_.end(), out + r * outputs());
    for (std::size_t first = 0; first < rows; first += block_rows) {
      const std::size_t count = std::min(block_rows, rows - first);
      const Way here = way ? *way : best(count);
      const float* from = x + first * features();
      float* to = out + first * outputs();
      if (here == Way::steps) {
        steps(from, count, to, scratch);
      } else {
        levels(by_levels(here).descend, from, count, to, scratch);
      }
    }
  }

 private:
  static constexpr std::size_t alignment = 64;
  static constexpr std::size_t whole(std::size_t rows) { return (rows + lanes - 1) / lanes * lanes; }

  Way best(std::size_t rows) const noexcept {
    for (const Way way : {Way::avx512, Way::avx2, Way::baseline}) {
      if (can(way) && rows >= by_levels(way).least_rows) return way;
    }
    return Way::steps;
  }

  template <class Walk>
  void dispatch(bool missing, Walk&& walk) const {
    if (nodes_.sets().empty()) {
      missing ? walk.template operator()<true, false>() : walk.template operator()<false, false>();
    } else {
      missing ? walk.template operator()<true, true>() : walk.template operator()<false, true>();
    }
  }

  void steps(const float* x, std::size_t rows, float* out, float* scratch) const {
    if (rows <= alone) {
      for (std::size_t r = 0; r < rows; ++r, x += features(), out += outputs()) {
        const bool missing = std::any_of(x, x + features(), [](float v) { return v != v; });
        std::copy(x, x + features(), scratch);
        scratch[features()] = std::numeric_limits<float>::quiet_NaN();
        dispatch(missing, [&]<bool m, bool c>() { one_row<m, c>(scratch, out); });
      }
      return;
    }
    std::uint32_t starts[block_rows];
    std::fill_n(starts, block_rows, root);
    for (std::size_t first = 0; first < rows; first += block_) {
      const std::size_t count = std::min(block_, rows - first);
      const bool missing = interleave(x + first * features(), count, scratch);
      dispatch(missing, [&]<bool m, bool c>() {
        for (const Tree& tree : nodes_.trees()) {
          rows_of_tree<m, c>(tree, tree.depth, scratch, count, out + first * outputs(), starts);
        }
      });
    }
  }

  void levels(Descend* descend, const float* x, std::size_t rows, float* out, float* scratch) const {
    const auto address = reinterpret_cast<std::uintptr_t>(scratch);
    auto* planes = reinterpret_cast<std::uint8_t*>((address + alignment - 1) / alignment * alignment);
    std::uint8_t* places = planes + levels_.bytes_of_planes();
    auto* numbers = reinterpret_cast<float*>(places + plane_rows);
    std::uint32_t ends[plane_rows];
    const bool half = rows <= plane_rows / 2;
    const bool missing = levels_.rank(x, features(), rows, planes);
    const bool missing_below = !levels_.complete() && interleave(x, rows, numbers);
    for (std::size_t t = 0; t < trees(); ++t) {
      const Tree& tree = nodes_.trees()[t];
      const Top top = levels_.top(t);
      descend(top, planes, half, missing, places);
      const std::uint32_t* end = levels_.ends(t);
      for (std::size_t r = 0; r < whole(rows); ++r) ends[r] = end[places[r]];
      if (top.levels == tree.depth) {
        nodes_.add(tree, ends, rows, out);
        continue;
      }
      dispatch(missing_below, [&]<bool m, bool c>() {
        rows_of_tree<m, c>(tree, tree.depth - top.levels, numbers, rows, out, ends);
      });
    }
  }

  // Eight rows at a time, feature by feature, and the feature that leaves ask for. Returns whether a NaN is there.
  bool interleave(const float* x, std::size_t count, float* to) const {
    bool missing = false;
    for (std::size_t first = 0; first < count; first += lanes, to += (features() + 1) * lanes) {
      for (std::size_t lane = 0; lane < lanes; ++lane) {
        const float* row = x + std::min(first + lane, count - 1) * features();
        for (std::size_t f = 0; f < features(); ++f) {
          to[f * lanes + lane] = row[f];
          missing |= row[f] != row[f];
        }
        to[features() * lanes + lane] = std::numeric_limits<float>::quiet_NaN();
      }
    }
    return missing;
  }

  // From the node where each row is, so many steps down.
  template <bool missing, bool categories>
  void rows_of_tree(const Tree& tree, std::uint32_t depth, const float* rows, std::size_t count, float* out,
                    const std::uint32_t* starts) const {
    const std::uint32_t* sets = nodes_.sets().data();
    const Node<Index>* nodes = nodes_.of(tree);
    for (std::size_t first = 0; first < count; first += lanes, rows += (features() + 1) * lanes) {
      std::uint32_t at[lanes];
      std::copy_n(starts + first, lanes, at);
      for (std::uint32_t left = depth; left > 0;) {
        for (std::uint32_t steps = std::min(left, stride); steps > 0; --steps, --left) {
#pragma GCC unroll 8
          for (std::size_t lane = 0; lane < lanes; ++lane) {
            const Node<Index>& node = nodes[at[lane]];
            const float value = rows[(node.split & feature_of<Index>)*lanes + lane];
            at[lane] = step<missing, categories>(node, value, sets);
          }
        }
        if (left > 0 && std::all_of(at, at + lanes, [&](std::uint32_t i) { return nodes_.is_leaf(nodes[i]); })) break;
      }
      const std::size_t present = std::min(lanes, count - first);
      for (std::size_t lane = 0; lane < present; ++lane) {
        nodes_.add(tree, nodes[at[lane]].value, out + (first + lane) * outputs());
      }
    }
  }

  template <bool missing, bool categories>
  void one_row(const float* row, float* out) const {
    const std::vector<Tree>& trees = nodes_.trees();
    const std::uint32_t* sets = nodes_.sets().data();
    for (std::size_t first = 0; first < trees.size(); first += lanes) {
      const Node<Index>* nodes[lanes];
      std::uint32_t at[lanes];
      std::uint32_t left = 0;
      for (std::size_t lane = 0; lane < lanes; ++lane) {
        const Tree& tree = trees[std::min(first + lane, trees.size() - 1)];
        nodes[lane] = nodes_.of(tree);
        at[lane] = root;
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
        for (std::size_t lane = 0; lane < lanes; ++lane) ended &= nodes_.is_leaf(nodes[lane][at[lane]]);
        if (ended) break;
      }
      const std::size_t present = std::min(lanes, trees.size() - first);
      for (std::size_t lane = 0; lane < present; ++lane) {
        nodes_.add(trees[first + lane], nodes[lane][at[lane]].value, out);
      }
    }
  }

  Nodes<Index> nodes_;
  Levels levels_;
  std::vector<float> start_;
  std::size_t block_;
};

}  // namespace

std::unique_ptr<const Forest> Forest::pack(const Source& source) {
  check(source);
  const auto largest = static_cast<std::size_t>(*std::max_element(source.tree_size.begin(), source.tree_size.end()));
  const bool narrow = source.features < feature_of<std::uint16_t> && largest < std::numeric_limits<std::uint16_t>::max();
  if (narrow) return std::make_unique<const Packed<std::uint16_t>>(source);
  return std::make_unique<const Packed<std::uint32_t>>(source);
}

}  // namespace serving

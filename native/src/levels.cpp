#include "levels.hpp"

#include <algorithm>
#include <bit>
#include <cmath>

namespace serving {
namespace {

// How many of the thresholds `x` reaches; they are in ascending order and one less than a power of two, `size`.
inline std::uint32_t reached(const float* thresholds, std::uint32_t size, float x) {
  std::uint32_t count = 0;
  for (std::uint32_t half = size / 2; half > 0; half /= 2) {
    count += thresholds[count + half - 1] <= x ? half : 0;
  }
  return count;
}

// A tree's levels as they would be if it were full: by place, from 1 at the root, the node that is there. A leaf
// stands in all places below it.
template <class Index>
struct Full {
  std::uint32_t levels;  // up to the tree's end, or the first with a categorical node
  std::array<std::uint32_t, 2 << most_levels> node;

  Full(const Nodes<Index>& nodes, const Tree& tree) : levels(std::min(most_levels, tree.depth)) {
    const Node<Index>* of = nodes.of(tree);
    node[1] = root;
    for (std::uint32_t place = 1; place < 1u << levels; ++place) {
      const Node<Index>& here = of[node[place]];
      if (here.split & categorical<Index>) {
        levels = static_cast<std::uint32_t>(std::bit_width(place)) - 1;
        break;
      }
      const bool leaf = nodes.is_leaf(here);
      node[2 * place] = here.child;
      node[2 * place + 1] = here.child + (leaf ? 0u : 1u);
    }
  }
};

}  // namespace

template <class Index>
Levels::Levels(const Nodes<Index>& nodes) {
  find_thresholds(nodes);
  if (empty()) {
    asked_ = {};
    thresholds_ = {};
    return;
  }
  std::vector<std::size_t> number_of(planes_in_all_);
  for (const Tree& tree : nodes.trees()) add_tables(nodes, tree, number_of);
  bytes_.resize(bytes_.size() + 64);
}

template <class Index>
void Levels::find_thresholds(const Nodes<Index>& nodes) {
  std::vector<std::uint32_t> features;
  std::vector<float> values;
  std::vector<std::size_t> count(nodes.features() + 1, 0);
  std::size_t levels = 0;
  for (const Tree& tree : nodes.trees()) {
    const Full<Index> full(nodes, tree);
    levels += full.levels;
    for (std::uint32_t place = 1; place < 1u << full.levels; ++place) {
      const Node<Index>& node = nodes.of(tree)[full.node[place]];
      if (nodes.is_leaf(node)) continue;
      const auto threshold = std::bit_cast<float>(node.value);
      features.push_back(node.split & feature_of<Index>);
      values.push_back(std::isnan(threshold) ? INFINITY : threshold);  // so that its feature has a plane all the same
      ++count[features.back() + 1];
    }
  }
  for (std::size_t f = 0; f < nodes.features(); ++f) count[f + 1] += count[f];
  std::vector<float> sorted(values.size());
  std::vector<std::size_t> next(count.begin(), count.end() - 1);
  for (std::size_t i = 0; i < values.size(); ++i) sorted[next[features[i]]++] = values[i];
  asked_.resize(nodes.features());
  std::size_t planes = 0;
  for (std::size_t f = 0; f < nodes.features(); ++f) {
    const auto begin = sorted.begin() + static_cast<std::ptrdiff_t>(count[f]);
    auto end = sorted.begin() + static_cast<std::ptrdiff_t>(count[f + 1]);
    std::sort(begin, end);
    end = std::unique(begin, end);
    const auto distinct = static_cast<std::size_t>(end - begin);
    if (distinct == 0) continue;
    const auto own = static_cast<std::uint32_t>((distinct + most_rank - 1) / most_rank);
    const auto size = static_cast<std::uint32_t>(std::bit_ceil(distinct + 1));
    asked_[f] = {thresholds_.size(), size, static_cast<std::uint32_t>(planes), own};
    planes += own;
    thresholds_.insert(thresholds_.end(), begin, end);
    thresholds_.resize(asked_[f].thresholds + size - 1, NAN);
  }
  // A number's rank costs as much as some steps.
  planes_in_all_ = planes <= most_planes && 8 * planes <= levels ? planes : 0;
}

template <class Index>
void Levels::add_tables(const Nodes<Index>& nodes, const Tree& tree, std::vector<std::size_t>& number_of) {
  const Full<Index> full(nodes, tree);
  Tables to{bytes_.size(), planes_.size(), ends_.size(), full.levels, {}};
  const std::size_t width = std::size_t{1} << full.levels;
  bytes_.resize(to.bytes + 2 * width);
  std::uint8_t* limits = bytes_.data() + to.bytes;
  std::uint8_t* asks = limits + width;
  for (std::uint32_t level = 0; level < full.levels; ++level) {
    const std::size_t first = planes_.size();
    for (std::uint32_t place = 1u << level; place < 2u << level; ++place) {
      limits[place] = missing_rank;
      asks[place] = missing_left;
      const Node<Index>& node = nodes.of(tree)[full.node[place]];
      if (nodes.is_leaf(node)) continue;
      const Asked& asked = asked_[node.split & feature_of<Index>];
      const auto threshold = std::bit_cast<float>(node.value);
      std::size_t plane = asked.plane;
      if (!std::isnan(threshold)) {
        const std::uint32_t rank = reached(thresholds_.data() + asked.thresholds, asked.size, threshold) - 1;
        plane += rank / most_rank;
        limits[place] = static_cast<std::uint8_t>(rank % most_rank + 1);
      }
      std::size_t& number = number_of[plane];  // as it was where the plane was last asked, perhaps in another level
      if (number < first || number >= planes_.size() || planes_[number] != plane) {
        number = planes_.size();
        planes_.push_back(static_cast<std::uint16_t>(plane));
      }
      asks[place] = static_cast<std::uint8_t>(number - first);
      if (!(node.split & default_right<Index>)) asks[place] |= missing_left;
    }
    to.plane_count[level] = static_cast<std::uint8_t>(planes_.size() - first);
  }
  const bool ends = full.levels == tree.depth;
  complete_ &= ends;
  for (std::size_t place = width; place < 2 * width; ++place) {
    const std::uint32_t node = full.node[place];
    ends_.push_back(ends ? nodes.of(tree)[node].value : node);
  }
  tables_.push_back(to);
}

bool Levels::rank(const float* x, std::size_t features, std::size_t rows, std::uint8_t* planes) const noexcept {
  bool missing = false;
  constexpr std::size_t lanes = 8;  // searches at once
  const std::size_t whole = (rows + lanes - 1) / lanes * lanes;
  for (std::size_t f = 0; f < asked_.size(); ++f) {
    const Asked& asked = asked_[f];
    if (asked.planes == 0) continue;
    const float* thresholds = thresholds_.data() + asked.thresholds;
    std::uint32_t ranks[plane_rows];
    constexpr std::uint32_t no_rank = ~0u;
    for (std::size_t first = 0; first < whole; first += lanes) {
      float value[lanes];
      for (std::size_t lane = 0; lane < lanes; ++lane) {
        value[lane] = x[std::min(first + lane, rows - 1) * features + f];
        missing |= value[lane] != value[lane];
      }
      std::uint32_t count[lanes] = {};
      for (std::uint32_t half = asked.size / 2; half > 0; half /= 2) {
#pragma GCC unroll 8
        for (std::size_t lane = 0; lane < lanes; ++lane) {
          count[lane] += thresholds[count[lane] + half - 1] <= value[lane] ? half : 0;
        }
      }
      for (std::size_t lane = 0; lane < lanes; ++lane) {
        ranks[first + lane] = value[lane] != value[lane] ? no_rank : count[lane];
      }
    }
    std::uint8_t* plane = planes + asked.plane * plane_rows;
    for (std::uint32_t below = 0, p = 0; p < asked.planes; ++p, below += most_rank, plane += plane_rows) {
      for (std::size_t r = 0; r < whole; ++r) {
        const std::uint32_t above = std::min<std::uint32_t>(std::max(ranks[r], below) - below, most_rank);
        plane[r] = ranks[r] == no_rank ? missing_rank : static_cast<std::uint8_t>(above);
      }
      std::fill(plane + whole, plane + plane_rows, std::uint8_t{0});  // walked as well, for nothing
    }
  }
  return missing;
}

template Levels::Levels(const Nodes<std::uint16_t>&);
template Levels::Levels(const Nodes<std::uint32_t>&);

}  // namespace serving

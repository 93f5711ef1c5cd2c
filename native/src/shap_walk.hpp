// A walk through one tree for TreeSHAP: of several rows at once, or of one.
#pragma once

#include <cstddef>
#include <cstdint>

#include "shap_paths.hpp"
#include "shap_points.hpp"

namespace serving::shap {

/// Adds to `phi`, by feature and lane, what one tree gives for one of a leaf's values. `rows` are by feature and lane
/// too; `levels` is scratch of `level_size` bytes for each level of the tree, the root's included.
using Walk = void(const Step* steps, const Tree& tree, const Rule& rule, const std::uint32_t* sets, const float* leaves,
                  const float* rows, float* phi, void* levels);

constexpr std::size_t most_lanes = 8;
constexpr std::size_t alignment = 64;  // of `rows`, `phi` and `levels`, in bytes
Walk one_row, four_rows;
/// Only where `is_wide()`: eight of the same operations at once.
Walk one_row_wide, eight_rows;
bool is_wide();

extern const std::size_t level_size;  // bytes, a multiple of `alignment`

}  // namespace serving::shap

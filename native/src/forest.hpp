// A forest laid out for walking, and the walk: float32 sums in XGBoost's order, so with XGBoost's bits.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>

namespace serving {

/// A model as XGBoost's own file has it: the nodes of all trees one after the other, numbered from 0 in each tree.
struct Source {
  std::size_t features = 0;
  std::size_t outputs = 0;
  std::span<const float> start;                    // the margin each output starts from
  std::span<const std::int32_t> tree_size;         // nodes per tree
  std::span<const std::int32_t> tree_output;       // which output a tree adds to; unread with vector leaves
  std::span<const float> tree_weight;              // 1 but for dart
  std::span<const std::int32_t> left;              // -1 at a leaf
  std::span<const std::int32_t> right;             // at a leaf of a vector: which of all leaves it is
  std::span<const std::int32_t> feature;
  std::span<const float> value;                    // the threshold; at a leaf of one number, that number
  std::span<const std::uint8_t> default_left;
  std::span<const std::uint8_t> categorical;
  std::span<const std::int32_t> category_count;    // of each categorical node, in the nodes' order
  std::span<const std::int32_t> category;          // those that go right, node by node
  std::span<const float> leaf_vector;              // tree by tree, leaf by leaf; empty where leaves are numbers
  std::span<const float> cover;                    // each node's sum of hessians in training; for contributions
};

/// Raises std::invalid_argument where the arrays do not belong together.
void check(const Source& source);

/// How rows are walked: each row's steps by themselves, or all rows' at once, level by level of a tree, with vectors of
/// the architecture's baseline or more. All give the same bits.
enum class Way : int { steps, baseline, avx2, avx512 };
inline constexpr const char* way_names[] = {"steps", "baseline", "avx2", "avx512"};
inline constexpr int ways = 4;

class Forest {
 public:
  virtual ~Forest() = default;

  /// Raises std::invalid_argument where the source is no forest, std::length_error where it does not fit.
  static std::unique_ptr<const Forest> pack(const Source& source);

  [[nodiscard]] virtual std::size_t features() const noexcept = 0;
  [[nodiscard]] virtual std::size_t outputs() const noexcept = 0;
  [[nodiscard]] virtual std::size_t trees() const noexcept = 0;

  /// Whether this machine has the instructions, and the forest the levels.
  [[nodiscard]] virtual bool can(Way way) const noexcept = 0;

  /// How many numbers of scratch memory `margins` wants for as many rows.
  [[nodiscard]] virtual std::size_t scratch(std::size_t rows, std::optional<Way> way = {}) const noexcept = 0;

  /// Rows of `features` numbers each, NaN where missing, to rows of `outputs` margins. Safe from several threads.
  /// In the way that is asked for, which must be possible; else in the quickest for so many rows.
  virtual void margins(const float* x, std::size_t rows, float* out, float* scratch,
                       std::optional<Way> way = {}) const noexcept = 0;
};

}  // namespace serving

// TreeSHAP: what each feature adds to a row's margin, with XGBoost's bits.
#pragma once

#include <cstddef>
#include <memory>

#include "forest.hpp"

namespace serving {

class Contributions {
 public:
  virtual ~Contributions() = default;

  /// Raises std::invalid_argument where the source is no forest or the covers are none, std::length_error.
  static std::unique_ptr<const Contributions> prepare(const Source& source);

  [[nodiscard]] virtual std::size_t features() const noexcept = 0;
  [[nodiscard]] virtual std::size_t outputs() const noexcept = 0;

  /// How many nodes a row passes, in all trees and for all outputs.
  [[nodiscard]] virtual std::size_t nodes() const noexcept = 0;

  /// How many numbers of scratch memory `of` wants; aligned to `alignment` bytes.
  [[nodiscard]] virtual std::size_t scratch() const noexcept = 0;
  static constexpr std::size_t alignment = 64;

  /// Rows of `features` numbers each, NaN where missing, to rows of `outputs` x (`features` + 1): the bias last.
  /// `wide`: with vectors of eight where the machine has them, which changes no bit. Safe from several threads.
  virtual void of(const float* x, std::size_t rows, bool wide, float* out, float* scratch) const noexcept = 0;
};

}  // namespace serving

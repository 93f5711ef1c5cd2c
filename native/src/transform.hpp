// From the sum of the leaves to what an objective predicts, and from its base score to the sum's start.
//
// Each is XGBoost 3.4's formula (src/common/math.h, src/objective/*) with the same C library functions at the
// same precision; what a different compiler could still change is settled by the probe at load.
#pragma once

#include <cstddef>

namespace serving {

enum class Transform : int {
  identity,
  sigmoid,      // reg:logistic, binary:logistic
  exponential,  // count:poisson, reg:gamma, reg:tweedie, survival:cox
  hinge,        // 1 above 0, else 0
  softmax,      // a distribution over the row's outputs
  argmax,       // the index of the row's first largest output
  ascending,    // the row's outputs in order: quantiles that do not cross
  exponential_of_double,  // survival:aft, whose exp is the one of C
};
inline constexpr int transforms = 8;

enum class Link : int { identity, logit, logarithm };
inline constexpr int links = 3;

/// How many numbers a row of `outputs` margins becomes.
std::size_t width(Transform transform, std::size_t outputs);

/// `rows` x `outputs` margins to rows x width(transform, outputs) predictions; `margins` is scratch afterwards.
void apply(Transform transform, float* margins, std::size_t rows, std::size_t outputs, float* out);

/// A base score as the model file has it, in units of the prediction, to the margin that sums start from.
float margin_of(Link link, float base_score);

}  // namespace serving

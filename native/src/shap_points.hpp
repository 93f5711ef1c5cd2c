// The points over which XGBoost 3.4's TreeSHAP (src/predictor/interpretability) integrates, and their weights.
#pragma once

#include <cstddef>

namespace serving::shap {

constexpr std::size_t points = 8;

struct Rule {
  float nodes[points], weights[points];
  float never[points];  // a split's factor where its feature's probability is 0
};

/// Gauss and Legendre's rule on [0, 1] in the variable's square root, with XGBoost's float32 numbers.
Rule make_rule();

}  // namespace serving::shap

// XGBoost's elementwise metrics: what each row loses, summed.
#pragma once

#include <span>

namespace serving {

enum class Loss { logarithmic, squared, absolute, wrong };
inline constexpr const char* loss_names[] = {"logloss", "squared", "absolute", "error"};
inline constexpr int losses = 4;

/// The sum over rows of what XGBoost 3.4's `EvalRow` gives (src/metric/elementwise_metric.cu), in float32 as there.
/// With `logistic` a margin first becomes a probability. `logarithmic` wants that, and labels that are 0 or 1.
double total_loss(Loss loss, bool logistic, std::span<const float> margins, const float* labels);

}  // namespace serving

#include "transform.hpp"

#include <algorithm>
#include <cmath>

namespace serving {
namespace {

float sigmoid(float x) {
  constexpr float epsilon = 1e-16f;
  x = std::min(-x, 88.7f);
  return 1.0f / (expf(x) + 1.0f + epsilon);
}

void softmax(float* row, std::size_t outputs) {
  float largest = row[0];
  for (std::size_t k = 1; k < outputs; ++k) largest = fmaxf(row[k], largest);
  double sum = 0.0;
  for (std::size_t k = 0; k < outputs; ++k) {
    row[k] = expf(row[k] - largest);
    sum += row[k];
  }
  for (std::size_t k = 0; k < outputs; ++k) row[k] /= static_cast<float>(sum);
}

void insertion_sort(float* row, std::size_t outputs) {
  for (std::size_t k = 1; k < outputs; ++k) {
    const float value = row[k];
    std::size_t place = k;
    for (; place > 0 && row[place - 1] > value; --place) row[place] = row[place - 1];
    row[place] = value;
  }
}

}  // namespace

std::size_t width(Transform transform, std::size_t outputs) { return transform == Transform::argmax ? 1 : outputs; }

void apply(Transform transform, float* margins, std::size_t rows, std::size_t outputs, float* out) {
  const std::size_t count = rows * outputs;
  switch (transform) {
    case Transform::identity:
      break;
    case Transform::sigmoid:
      std::transform(margins, margins + count, out, sigmoid);
      return;
    case Transform::exponential:
      std::transform(margins, margins + count, out, [](float x) { return expf(x); });
      return;
    case Transform::exponential_of_double:
      std::transform(margins, margins + count, out, [](float x) { return static_cast<float>(::exp(double{x})); });
      return;
    case Transform::hinge:
      std::transform(margins, margins + count, out, [](float x) { return x > 0.0f ? 1.0f : 0.0f; });
      return;
    case Transform::softmax:
      for (std::size_t r = 0; r < rows; ++r) softmax(margins + r * outputs, outputs);
      break;
    case Transform::argmax:
      for (std::size_t r = 0; r < rows; ++r) {
        const float* row = margins + r * outputs;
        out[r] = static_cast<float>(std::max_element(row, row + outputs) - row);
      }
      return;
    case Transform::ascending:
      for (std::size_t r = 0; r < rows; ++r) insertion_sort(margins + r * outputs, outputs);
      break;
  }
  std::copy(margins, margins + count, out);
}

float margin_of(Link link, float base_score) {
  constexpr float epsilon = 1e-6f;
  switch (link) {
    case Link::identity:
      break;
    case Link::logit:
      base_score = std::min(std::max(base_score, epsilon), 1.0f - epsilon);
      return -logf(1.0f / base_score - 1.0f);
    case Link::logarithm:
      return logf(base_score);
  }
  return base_score;
}

}  // namespace serving

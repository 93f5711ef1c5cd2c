#include "losses.hpp"

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <cstring>

namespace serving {
namespace {

constexpr std::size_t lanes = 8;
typedef float Floats __attribute__((vector_size(4 * lanes)));
typedef std::int32_t Bools __attribute__((vector_size(4 * lanes)));
typedef double Doubles __attribute__((vector_size(8 * lanes)));
typedef std::int64_t Bits __attribute__((vector_size(8 * lanes)));

constexpr float epsilon = 1e-16f;
// After so many factors of at least epsilon a product's logarithm is taken; it is not 0 before.
constexpr std::size_t most_factors = 16;

// Within 1e-11 of e^x for |x| <= 100, so that its float32 is nearly always the C library's, in a quarter of the time.
[[gnu::always_inline]] inline Doubles exponential(Doubles x) {
  constexpr double log2_e = 1.4426950408889634, ln_2 = 0.6931471805599453;
  constexpr double rounding = 0x1.8p52;  // a number added to it is rounded to a whole one, in its lowest bits
  const Doubles shifted = x * log2_e + rounding;
  const Doubles r = x - (shifted - rounding) * ln_2;  // |r| <= ln 2 / 2
  Doubles series = Doubles{} + 1.0 / 362880;
  for (const double factorial : {40320.0, 5040.0, 720.0, 120.0, 24.0, 6.0, 2.0, 1.0, 1.0}) {
    series = series * r + 1.0 / factorial;
  }
  return reinterpret_cast<Doubles>(reinterpret_cast<Bits>(series) + (reinterpret_cast<Bits>(shifted) << 52));
}

// XGBoost's sigmoid; what is not a number stays none.
[[gnu::always_inline]] inline Floats probability(Floats margin) {
  Floats x = -margin;
  x = x > 88.7f ? Floats{} + 88.7f : x;
  x = x < -100.0f ? Floats{} - 100.0f : x;
  const Floats e = __builtin_convertvector(exponential(__builtin_convertvector(x, Doubles)), Floats);
  const Floats p = 1.0f / (e + 1.0f + epsilon);
  return x == x ? p : x;
}

[[gnu::always_inline]] inline Floats lost(Loss loss, Floats value, Floats label) {
  const Floats difference = label - value;
  if (loss == Loss::squared) return difference * difference;
  if (loss == Loss::absolute) return difference < 0.0f ? -difference : difference;
  return value > 0.5f ? 1.0f - label : label;
}

// Of what the label's class is given: to multiply and take one logarithm is quicker than many.
[[gnu::always_inline]] inline Floats given(Floats value, Floats label) {
  const Floats of_label = label != 0.0f ? value : 1.0f - value;
  return of_label < epsilon ? Floats{} + epsilon : of_label;
}

struct Sums {
  double taken = 0.0;
  Doubles others{}, products = Doubles{} + 1.0;
  std::size_t factors = 0;

  [[gnu::always_inline]] void add(Loss loss, bool logistic, const float* margins, const float* labels) {
    Floats value, label;
    std::memcpy(&value, margins, sizeof value);
    std::memcpy(&label, labels, sizeof label);
    if (logistic) value = probability(value);
    if (loss != Loss::logarithmic) {
      others += __builtin_convertvector(lost(loss, value, label), Doubles);
      return;
    }
    products *= __builtin_convertvector(given(value, label), Doubles);
    if (++factors == most_factors) take_logarithms();
  }

  [[gnu::always_inline]] void take_logarithms() {
    for (std::size_t lane = 0; lane < lanes; ++lane) taken -= std::log(products[lane]);
    products = Doubles{} + 1.0;
    factors = 0;
  }

  [[gnu::always_inline]] double total() {
    take_logarithms();
    double sum = taken;
    for (std::size_t lane = 0; lane < lanes; ++lane) sum += others[lane];
    return sum;
  }
};

[[gnu::always_inline]] inline double sum_losses(Loss loss, bool logistic, const float* margins, const float* labels,
                                                std::size_t rows) {
  Sums sums;
  const std::size_t whole = rows / lanes * lanes;
  for (std::size_t row = 0; row < whole; row += lanes) sums.add(loss, logistic, margins + row, labels + row);
  if (whole < rows) {
    float margin[lanes], label[lanes];
    std::fill_n(margin, lanes, logistic ? 100.0f : 1.0f);  // of which, with the label 1, nothing is lost
    std::fill_n(label, lanes, 1.0f);
    std::copy(margins + whole, margins + rows, margin);
    std::copy(labels + whole, labels + rows, label);
    sums.add(loss, logistic, margin, label);
  }
  return sums.total();
}

// Each a copy of all, with what is known of the loss taken out of the loop.
#define SERVING_SUM(name, attribute)                                                                                 \
  attribute double name(Loss loss, bool logistic, const float* margins, const float* labels, std::size_t rows) {     \
    if (loss == Loss::logarithmic) return sum_losses(Loss::logarithmic, true, margins, labels, rows);                \
    return logistic ? sum_losses(loss, true, margins, labels, rows) : sum_losses(loss, false, margins, labels, rows); \
  }
SERVING_SUM(sum_of_losses, )
#if defined(__x86_64__)
SERVING_SUM(sum_of_losses_wide, [[gnu::target("avx2")]])
#endif
#undef SERVING_SUM

}  // namespace

double total_loss(Loss loss, bool logistic, std::span<const float> margins, const float* labels) {
#if defined(__x86_64__)
  if (__builtin_cpu_supports("avx2")) return sum_of_losses_wide(loss, logistic, margins.data(), labels, margins.size());
#endif
  return sum_of_losses(loss, logistic, margins.data(), labels, margins.size());
}

}  // namespace serving

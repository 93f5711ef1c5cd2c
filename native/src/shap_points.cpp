#include "shap_points.hpp"

#include <cmath>

namespace serving::shap {
namespace {

double legendre(std::size_t n, double x) {
  double before = 1.0, now = x;
  if (n == 0) return before;
  for (std::size_t k = 2; k <= n; ++k) {
    const auto d = static_cast<double>(k);
    const double next = ((2.0 * d - 1.0) * x * now - (d - 1.0) * before) / d;
    before = now;
    now = next;
  }
  return now;
}

}  // namespace

Rule make_rule() {
  constexpr double pi = 3.141592653589793238462643383279502884;
  constexpr auto n = static_cast<double>(points);
  const auto slope = [&](double x, double at) { return n * (x * at - legendre(points - 1, x)) / (x * x - 1.0); };
  Rule rule;
  for (std::size_t i = 0; i < points; ++i) {
    double x = std::cos(pi * (static_cast<double>(i) + 0.75) / (n + 0.5));
    for (int step = 0; step < 64; ++step) {
      const double at = legendre(points, x), change = at / slope(x, at);
      x -= change;
      if (std::abs(change) < 1e-15) break;
    }
    const double steep = slope(x, legendre(points, x));
    const double weight = 2.0 / ((1.0 - x * x) * steep * steep);
    const double s = 0.5 * (x + 1.0), half = 0.5 * weight;
    rule.nodes[points - 1 - i] = static_cast<float>(s * s);
    rule.weights[points - 1 - i] = static_cast<float>(2.0 * s * half);
  }
  for (std::size_t i = 0; i < points; ++i) rule.never[i] = 1.0f + -1.0f * rule.nodes[i];
  return rule;
}

}  // namespace serving::shap

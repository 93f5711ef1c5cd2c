#include "ways.hpp"

namespace serving {

bool has(Way way) noexcept {
#if defined(__x86_64__)
  if (way == Way::avx512) return __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512vbmi");
  if (way == Way::avx2) return __builtin_cpu_supports("avx2");
#endif
  return way == Way::steps || way == Way::baseline;
}

ByLevels by_levels(Way way) noexcept {
#if defined(__x86_64__)
  if (way == Way::avx512) return {descend_avx512, 12};
  if (way == Way::avx2) return {descend_avx2, 14};
#endif
  static_cast<void>(way);
  return {descend_baseline, 24};
}

}  // namespace serving

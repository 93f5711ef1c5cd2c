// The core without Python, on what write.py wrote: every margin and contribution must have XGBoost's bits.
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <memory>
#include <string>
#include <vector>

#include "../src/contributions.hpp"
#include "../src/forest.hpp"
#include "../src/transform.hpp"

namespace {

std::ifstream file;

template <class T>
T number() {
  T value;
  file.read(reinterpret_cast<char*>(&value), sizeof value);
  return value;
}

template <class T>
std::vector<T> array() {
  std::vector<T> values(static_cast<std::size_t>(number<std::int32_t>()));
  file.read(reinterpret_cast<char*>(values.data()), static_cast<std::streamsize>(values.size() * sizeof(T)));
  return values;
}

int differing(const std::vector<float>& mine, const std::vector<float>& theirs, const char* name, const char* what) {
  if (mine.size() == theirs.size() && std::memcmp(mine.data(), theirs.data(), mine.size() * sizeof(float)) == 0) return 0;
  std::printf("%s: %s differ\n", name, what);
  return 1;
}

}  // namespace

int main(int, char** arguments) {
  file.open(arguments[1], std::ios::binary);
  const auto models = number<std::int32_t>();
  int wrong = 0, walked[serving::ways] = {};
  for (std::int32_t m = 0; m < models; ++m) {
    serving::Source source;
    source.features = static_cast<std::size_t>(number<std::int32_t>());
    const auto link = static_cast<serving::Link>(number<std::int32_t>());
    const auto letters = array<char>();
    const std::string name(letters.begin(), letters.end());
    auto start = array<float>();
    source.outputs = start.size();
    for (float& one : start) one = serving::margin_of(link, one);
    source.start = start;
    const auto tree_size = array<std::int32_t>(), tree_output = array<std::int32_t>();
    const auto tree_weight = array<float>();
    const auto left = array<std::int32_t>(), right = array<std::int32_t>(), feature = array<std::int32_t>();
    const auto value = array<float>();
    const auto default_left = array<std::uint8_t>(), categorical = array<std::uint8_t>();
    const auto category_count = array<std::int32_t>(), category = array<std::int32_t>();
    const auto leaf_vector = array<float>(), cover = array<float>();
    source.tree_size = tree_size, source.tree_output = tree_output, source.tree_weight = tree_weight;
    source.left = left, source.right = right, source.feature = feature, source.value = value;
    source.default_left = default_left, source.categorical = categorical;
    source.category_count = category_count, source.category = category;
    source.leaf_vector = leaf_vector, source.cover = cover;
    const auto rows = array<float>(), margins = array<float>(), contributions = array<float>();
    const std::size_t count = rows.size() / source.features;

    const auto forest = serving::Forest::pack(source);
    for (int number = 0; number < serving::ways; ++number) {
      const auto way = static_cast<serving::Way>(number);
      if (!forest->can(way)) continue;
      std::vector<float> found(margins.size()), scratch(forest->scratch(count, way));
      forest->margins(rows.data(), count, found.data(), scratch.data(), way);
      wrong += differing(found, margins, name.c_str(), serving::way_names[number]);
      ++walked[number];
    }

    const auto explained = serving::Contributions::prepare(source);
    constexpr std::size_t alignment = serving::Contributions::alignment;
    const std::size_t bytes = (explained->scratch() * sizeof(float) + alignment - 1) / alignment * alignment;
    const std::unique_ptr<void, decltype(&std::free)> aligned(std::aligned_alloc(alignment, bytes), &std::free);
    for (const bool wide : {true, false}) {
      for (const std::size_t at_once : {count, std::size_t{1}}) {
        std::vector<float> out(contributions.size());
        const std::size_t width = source.outputs * (source.features + 1);
        for (std::size_t r = 0; r < count; r += at_once) {
          explained->of(rows.data() + r * source.features, at_once, wide, out.data() + r * width,
                        static_cast<float*>(aligned.get()));
        }
        wrong += differing(out, contributions, name.c_str(), at_once == 1 ? "contributions of one row" : "contributions");
      }
    }
  }
  if (!file) {
    std::printf("the file ends early\n");
    return 1;
  }
  std::printf("%d models, %d differences;", models, wrong);
  for (int way = 0; way < serving::ways; ++way) std::printf(" %s: %d", serving::way_names[way], walked[way]);
  std::printf("\n");
  return wrong != 0;
}

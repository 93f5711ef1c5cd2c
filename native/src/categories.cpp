#include "categories.hpp"

#include <algorithm>
#include <limits>
#include <stdexcept>

namespace serving {

std::vector<std::uint32_t> Categories::add_tree(const Source& source, std::size_t base, std::size_t size) {
  std::vector<std::uint32_t> begin;
  for (std::size_t n = 0; n < size; ++n) {
    if (!source.categorical[base + n]) continue;
    if (begin.empty()) begin.resize(size, 0);
    if (sets_ == source.category_count.size()) throw std::invalid_argument("a categorical node has no categories");
    const std::int32_t count = source.category_count[sets_++];
    if (count < 0 || static_cast<std::size_t>(count) > source.category.size() - members_) {
      throw std::invalid_argument("a categorical node has too many categories");
    }
    const auto members = source.category.subspan(members_, static_cast<std::size_t>(count));
    members_ += members.size();
    std::int32_t largest = -1;
    for (const std::int32_t category : members) {
      if (category < 0 || category >= 1 << 24) throw std::invalid_argument("a category is out of range");
      largest = std::max(largest, category);
    }
    const std::size_t at = words_.size(), words = static_cast<std::size_t>(largest + 32) / 32;
    if (at + words >= std::numeric_limits<std::uint32_t>::max()) throw std::length_error("too many categories");
    words_.resize(at + 1 + words, 0);
    words_[at] = static_cast<std::uint32_t>(words);
    for (const std::int32_t category : members) {
      words_[at + 1 + static_cast<std::size_t>(category) / 32] |= 1u << (category % 32);
    }
    begin[n] = static_cast<std::uint32_t>(at);
  }
  return begin;
}

void Categories::check_all_taken(const Source& source) const {
  if (sets_ != source.category_count.size() || members_ != source.category.size()) {
    throw std::invalid_argument("there are more categories than categorical nodes have");
  }
}

}  // namespace serving

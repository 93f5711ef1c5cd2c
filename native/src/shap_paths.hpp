// How a walk passes a forest's nodes for TreeSHAP, with all that does not depend on a row worked out once.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "categories.hpp"
#include "forest.hpp"

namespace serving::shap {

// A node but the root, reached over the edge from its parent; in the order of a walk, left subtrees first.
struct Step {
  float enter;            // the feature's probability below, where the row has taken all turns on it so far
  float before;           // the same above, where the path has split on it before
  float threshold;        // of the parent
  float weight;           // at a leaf: the product of the path's branch weights
  std::uint32_t set;      // of the parent, where it is categorical
  std::uint32_t feature;  // of the parent
  std::uint32_t leaf;     // at a leaf: where its values begin
  std::uint32_t parent;   // its step
  std::uint32_t depth;    // from 1
  std::uint32_t above;    // the depth of the path's last edge from a split on the same feature; 0: there is none
  bool ends, right, categorical, default_left;
};

struct Tree {
  std::size_t begin, end;            // of its steps
  std::size_t used_begin, used_end;  // of the features it splits on
  std::uint32_t output;
  float weight;
};

struct Paths {
  /// Raises std::invalid_argument where the source is no forest or the covers are none, std::length_error.
  explicit Paths(const Source& source);

  std::size_t outputs;
  bool vectors;  // whether a leaf has a value for each output
  std::size_t deepest = 0;
  std::vector<Tree> trees;
  std::vector<Step> steps;
  std::vector<std::uint32_t> used;  // the features that each tree splits on
  std::vector<float> leaves;
  std::vector<float> bias;  // by output
  Categories sets;
};

}  // namespace serving::shap

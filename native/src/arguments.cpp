#include "arguments.hpp"

#include <new>

namespace serving {

bool ModelArguments::parse(PyObject* args, PyObject* keywords) {
  static const char* names[] = {"features",    "start",       "tree_size",      "tree_output", "tree_weight",
                                "left",        "right",       "feature",        "value",       "default_left",
                                "categorical", "category_count", "category",    "leaf_vector", "cover",
                                "link",        "transform",   nullptr};
  constexpr int arrays = 14;
  constexpr char types[] = "fiifiiifBBiiff";
  Py_ssize_t features;
  PyObject* o[arrays];
  int link, function;
  if (!PyArg_ParseTupleAndKeywords(args, keywords, "nOOOOOOOOOOOOOOii", const_cast<char**>(names), &features, &o[0],
                                   &o[1], &o[2], &o[3], &o[4], &o[5], &o[6], &o[7], &o[8], &o[9], &o[10], &o[11],
                                   &o[12], &o[13], &link, &function)) {
    return false;
  }
  for (int i = 0; i < arrays; ++i) {
    if (!buffers_[i].array(o[i], names[i + 1], types[i], types[i] == 'B' ? 1 : 4, 1)) return false;
  }
  if (features < 1 || link < 0 || link >= links || function < 0 || function >= transforms) {
    PyErr_SetString(PyExc_ValueError, "features, link or transform: out of range");
    return false;
  }
  source.features = static_cast<std::size_t>(features);
  source.outputs = buffers_[0].length();
  start_.reset(new (std::nothrow) float[source.outputs]);
  if (start_ == nullptr) {
    PyErr_NoMemory();
    return false;
  }
  for (std::size_t k = 0; k < source.outputs; ++k) {
    start_[k] = margin_of(static_cast<Link>(link), buffers_[0].span<float>()[k]);
  }
  source.start = {start_.get(), source.outputs};
  source.tree_size = buffers_[1].span<std::int32_t>();
  source.tree_output = buffers_[2].span<std::int32_t>();
  source.tree_weight = buffers_[3].span<float>();
  source.left = buffers_[4].span<std::int32_t>();
  source.right = buffers_[5].span<std::int32_t>();
  source.feature = buffers_[6].span<std::int32_t>();
  source.value = buffers_[7].span<float>();
  source.default_left = buffers_[8].span<std::uint8_t>();
  source.categorical = buffers_[9].span<std::uint8_t>();
  source.category_count = buffers_[10].span<std::int32_t>();
  source.category = buffers_[11].span<std::int32_t>();
  source.leaf_vector = buffers_[12].span<float>();
  source.cover = buffers_[13].span<float>();
  transform = static_cast<Transform>(function);
  return true;
}

}  // namespace serving

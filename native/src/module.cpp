// The Python side: buffers in, buffers out, every shape checked, exceptions and never a crash.
#define PY_SSIZE_T_CLEAN
#include <Python.h>

#include <algorithm>
#include <cstring>
#include <memory>
#include <new>

#include "arguments.hpp"
#include "csv.hpp"
#include "forest.hpp"
#include "transform.hpp"

namespace {

using serving::Buffer;

constexpr Py_ssize_t short_text = 65536;  // see `serving::short_walks`

struct ForestObject {
  PyObject_HEAD
  const serving::Forest* forest;
  serving::Transform transform;
};

PyObject* forest_new(PyTypeObject* type, PyObject* args, PyObject* keywords) {
  serving::ModelArguments model;
  if (!model.parse(args, keywords)) return nullptr;
  const serving::Forest* forest = serving::packed([&] { return serving::Forest::pack(model.source); });
  if (forest == nullptr) return nullptr;
  const auto allocate = reinterpret_cast<allocfunc>(PyType_GetSlot(type, Py_tp_alloc));
  PyObject* self = allocate(type, 0);
  if (self == nullptr) {
    delete forest;
    return nullptr;
  }
  reinterpret_cast<ForestObject*>(self)->forest = forest;
  reinterpret_cast<ForestObject*>(self)->transform = model.transform;
  return self;
}

void forest_free(PyObject* self) {
  PyTypeObject* type = Py_TYPE(self);
  delete reinterpret_cast<ForestObject*>(self)->forest;
  reinterpret_cast<freefunc>(PyType_GetSlot(type, Py_tp_free))(self);
  Py_DECREF(type);
}

PyObject* forest_predict(PyObject* self, PyObject* const* args, Py_ssize_t count) {
  if (count != 3) {
    PyErr_SetString(PyExc_TypeError, "predict takes rows, out and whether margins are wanted");
    return nullptr;
  }
  const auto& object = *reinterpret_cast<ForestObject*>(self);
  const serving::Forest& forest = *object.forest;
  const int margins = PyObject_IsTrue(args[2]);
  Buffer x, out;
  if (margins < 0 || !x.array(args[0], "rows", 'f', 4, 2)) return nullptr;
  const auto transform = margins ? serving::Transform::identity : object.transform;
  const std::size_t rows = x.shape(0), outputs = forest.outputs();
  if (x.shape(1) != forest.features()) {
    PyErr_Format(PyExc_ValueError, "rows: must have %zu columns, got %zu", forest.features(), x.shape(1));
    return nullptr;
  }
  if (!out.array(args[1], "out", 'f', 4, 1, true)) return nullptr;
  if (out.length() != rows * serving::width(transform, outputs)) {
    PyErr_Format(PyExc_ValueError, "out: must have %zu elements, got %zu", rows * serving::width(transform, outputs),
                 out.length());
    return nullptr;
  }
  if (rows == 0) Py_RETURN_NONE;
  const std::size_t needed = forest.scratch(rows);
  std::unique_ptr<float[]> scratch(new (std::nothrow) float[needed + rows * outputs]);
  if (scratch == nullptr) return PyErr_NoMemory();
  float* sums = scratch.get() + needed;
  const auto work = [&] {
    forest.margins(x.span<float>().data(), rows, sums, scratch.get());
    serving::apply(transform, sums, rows, outputs, out.writable());
  };
  if (rows * forest.trees() <= serving::short_walks) {
    work();
  } else {
    Py_BEGIN_ALLOW_THREADS;
    work();
    Py_END_ALLOW_THREADS;
  }
  Py_RETURN_NONE;
}

PyObject* forest_transform(PyObject* self, PyObject* const* args, Py_ssize_t count) {
  if (count != 2) {
    PyErr_SetString(PyExc_TypeError, "transform takes margins and out");
    return nullptr;
  }
  const auto& object = *reinterpret_cast<ForestObject*>(self);
  const std::size_t outputs = object.forest->outputs();
  Buffer margins, out;
  if (!margins.array(args[0], "margins", 'f', 4, 2) || !out.array(args[1], "out", 'f', 4, 1, true)) return nullptr;
  const std::size_t rows = margins.shape(0);
  if (margins.shape(1) != outputs || out.length() != rows * serving::width(object.transform, outputs)) {
    PyErr_SetString(PyExc_ValueError, "margins and out: must have a row for each row, of the forest's outputs");
    return nullptr;
  }
  std::unique_ptr<float[]> scratch(new (std::nothrow) float[rows * outputs + 1]);
  if (scratch == nullptr) return PyErr_NoMemory();
  std::memcpy(scratch.get(), margins.span<float>().data(), rows * outputs * sizeof(float));
  serving::apply(object.transform, scratch.get(), rows, outputs, out.writable());
  Py_RETURN_NONE;
}

PyObject* parse_csv(PyObject*, PyObject* const* args, Py_ssize_t count) {
  if (count != 3) {
    PyErr_SetString(PyExc_TypeError, "parse_csv takes the text, the number of columns and whether one more is blank");
    return nullptr;
  }
  const Py_ssize_t columns = PyLong_AsSsize_t(args[1]);
  if (columns == -1 && PyErr_Occurred() != nullptr) return nullptr;
  const int trailing = PyObject_IsTrue(args[2]);
  Buffer body;
  if (trailing < 0 || !body.bytes(args[0])) return nullptr;
  if (columns < 1) {
    PyErr_SetString(PyExc_ValueError, "columns: must be at least 1");
    return nullptr;
  }
  const std::string_view text = body.text();
  const auto wide = static_cast<std::size_t>(columns);
  // A row has a byte or more for each of its cells, but the last for one less: that bounds what is asked for.
  const std::size_t capacity = std::min(serving::most_rows(text), (text.size() + 1) / wide);
  PyObject* result = PyByteArray_FromStringAndSize(nullptr, static_cast<Py_ssize_t>(capacity * wide * sizeof(float)));
  if (result == nullptr) return nullptr;
  auto* out = reinterpret_cast<float*>(PyByteArray_AsString(result));
  std::size_t rows;
  if (body.length() <= static_cast<std::size_t>(short_text)) {
    rows = serving::parse(text, wide, trailing != 0, out, capacity);
  } else {
    Py_BEGIN_ALLOW_THREADS;
    rows = serving::parse(text, wide, trailing != 0, out, capacity);
    Py_END_ALLOW_THREADS;
  }
  if (rows == serving::declined) {
    Py_DECREF(result);
    Py_RETURN_NONE;
  }
  if (PyByteArray_Resize(result, static_cast<Py_ssize_t>(rows * wide * sizeof(float))) != 0) {
    Py_DECREF(result);
    return nullptr;
  }
  return result;
}

template <class Function>
PyCFunction method(Function* function) {
  return reinterpret_cast<PyCFunction>(reinterpret_cast<void (*)()>(function));
}

PyMethodDef forest_methods[] = {
    {"predict", method(forest_predict), METH_FASTCALL,
     "predict(rows, out, margins): float32 (rows, features) into float32 (rows * outputs,)"},
    {"transform", method(forest_transform), METH_FASTCALL,
     "transform(margins, out): float32 (rows, outputs) into what the objective predicts, (rows * outputs,)"},
    {nullptr, nullptr, 0, nullptr},
};
PyType_Slot forest_slots[] = {
    {Py_tp_new, reinterpret_cast<void*>(forest_new)},
    {Py_tp_dealloc, reinterpret_cast<void*>(forest_free)},
    {Py_tp_methods, forest_methods},
    {Py_tp_doc, const_cast<char*>("Trees, packed for walking. Safe to use from several threads.")},
    {0, nullptr},
};
PyType_Spec forest_spec = {"_xgboost_serving.Forest", sizeof(ForestObject), 0,
                           Py_TPFLAGS_DEFAULT | Py_TPFLAGS_IMMUTABLETYPE, forest_slots};

int fill(PyObject* module) {
  for (PyType_Spec* spec : {&forest_spec, &serving::contributions_spec}) {
    PyObject* type = PyType_FromModuleAndSpec(module, spec, nullptr);
    if (type == nullptr) return -1;
    const int failed = PyModule_AddType(module, reinterpret_cast<PyTypeObject*>(type));
    Py_DECREF(type);
    if (failed != 0) return failed;
  }
  return 0;
}

PyMethodDef methods[] = {
    {"parse_csv", method(parse_csv), METH_FASTCALL,
     "parse_csv(text, columns, trailing): float32 rows as a bytearray, or None where the text is not plain numbers"},
    {nullptr, nullptr, 0, nullptr},
};
PyModuleDef_Slot slots[] = {{Py_mod_exec, reinterpret_cast<void*>(fill)}, {0, nullptr}};
PyModuleDef definition = {PyModuleDef_HEAD_INIT, "_xgboost_serving", "The compiled core of serving.", 0, methods, slots};

}  // namespace

PyMODINIT_FUNC PyInit__xgboost_serving() { return PyModuleDef_Init(&definition); }

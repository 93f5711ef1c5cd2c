// The Python side: buffers in, buffers out, every shape checked, exceptions and never a crash.
#define PY_SSIZE_T_CLEAN
#include <Python.h>

#include <cstring>
#include <memory>
#include <new>
#include <optional>

#include "arguments.hpp"
#include "forest.hpp"
#include "transform.hpp"

namespace {

using serving::Buffer;

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

bool way_of(const serving::Forest& forest, PyObject* name, std::optional<serving::Way>& to) {
  for (int way = 0; PyUnicode_Check(name) && way < serving::ways; ++way) {
    to = static_cast<serving::Way>(way);
    if (PyUnicode_CompareWithASCIIString(name, serving::way_names[way]) == 0 && forest.can(*to)) return true;
  }
  PyErr_Format(PyExc_ValueError, "way: must be one of the forest's ways, got %R", name);
  return false;
}

PyObject* forest_ways(PyObject* self, PyObject*) {
  PyObject* names = PyList_New(0);
  for (int way = 0; names != nullptr && way < serving::ways; ++way) {
    if (!reinterpret_cast<ForestObject*>(self)->forest->can(static_cast<serving::Way>(way))) continue;
    PyObject* name = PyUnicode_FromString(serving::way_names[way]);
    if (name == nullptr || PyList_Append(names, name) != 0) Py_CLEAR(names);
    Py_XDECREF(name);
  }
  return names;
}

PyObject* forest_predict(PyObject* self, PyObject* const* args, Py_ssize_t count) {
  if (count != 3 && count != 4) {
    PyErr_SetString(PyExc_TypeError, "predict takes rows, out, whether margins are wanted and, if any, the way");
    return nullptr;
  }
  const auto& object = *reinterpret_cast<ForestObject*>(self);
  const serving::Forest& forest = *object.forest;
  std::optional<serving::Way> way;
  if (count == 4 && !way_of(forest, args[3], way)) return nullptr;
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
  const std::size_t needed = forest.scratch(rows, way);
  std::unique_ptr<float[]> scratch(new (std::nothrow) float[needed + rows * outputs]);
  if (scratch == nullptr) return PyErr_NoMemory();
  float* sums = scratch.get() + needed;
  const auto work = [&] {
    forest.margins(x.span<float>().data(), rows, sums, scratch.get(), way);
    serving::apply(transform, sums, rows, outputs, out.writable<float>());
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
  serving::apply(object.transform, scratch.get(), rows, outputs, out.writable<float>());
  Py_RETURN_NONE;
}

PyMethodDef forest_methods[] = {
    {"predict", serving::method(forest_predict), METH_FASTCALL,
     "predict(rows, out, margins[, way]): float32 (rows, features) into float32 (rows * outputs,)"},
    {"ways", forest_ways, METH_NOARGS, "The ways that rows can be walked on this machine; they give the same bits."},
    {"transform", serving::method(forest_transform), METH_FASTCALL,
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
  for (PyMethodDef* methods : {serving::csv_methods, serving::loss_methods}) {
    if (PyModule_AddFunctions(module, methods) != 0) return -1;
  }
  return 0;
}

PyModuleDef_Slot slots[] = {{Py_mod_exec, reinterpret_cast<void*>(fill)}, {0, nullptr}};
PyModuleDef definition = {PyModuleDef_HEAD_INIT, "_xgboost_serving", "The compiled core.", 0, nullptr, slots};

}  // namespace

PyMODINIT_FUNC PyInit__xgboost_serving() { return PyModuleDef_Init(&definition); }

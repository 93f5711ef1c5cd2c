#include <cstdlib>

#include "arguments.hpp"
#include "contributions.hpp"

namespace serving {
namespace {

struct Object {
  PyObject_HEAD
  const Contributions* contributions;
};

PyObject* create(PyTypeObject* type, PyObject* args, PyObject* keywords) {
  ModelArguments model;
  if (!model.parse(args, keywords)) return nullptr;
  const Contributions* contributions = packed([&] { return Contributions::prepare(model.source); });
  if (contributions == nullptr) return nullptr;
  const auto allocate = reinterpret_cast<allocfunc>(PyType_GetSlot(type, Py_tp_alloc));
  PyObject* self = allocate(type, 0);
  if (self == nullptr) {
    delete contributions;
    return nullptr;
  }
  reinterpret_cast<Object*>(self)->contributions = contributions;
  return self;
}

void destroy(PyObject* self) {
  PyTypeObject* type = Py_TYPE(self);
  delete reinterpret_cast<Object*>(self)->contributions;
  reinterpret_cast<freefunc>(PyType_GetSlot(type, Py_tp_free))(self);
  Py_DECREF(type);
}

PyObject* of(PyObject* self, PyObject* const* args, Py_ssize_t count) {
  if (count != 3) {
    PyErr_SetString(PyExc_TypeError, "of takes rows, out and whether wide vectors may be used");
    return nullptr;
  }
  const int wide = PyObject_IsTrue(args[2]);
  const Contributions& contributions = *reinterpret_cast<Object*>(self)->contributions;
  Buffer x, out;
  if (wide < 0 || !x.array(args[0], "rows", 'f', 4, 2) || !out.array(args[1], "out", 'f', 4, 1, true)) return nullptr;
  const std::size_t rows = x.shape(0), width = contributions.outputs() * (contributions.features() + 1);
  if (x.shape(1) != contributions.features()) {
    PyErr_Format(PyExc_ValueError, "rows: must have %zu columns, got %zu", contributions.features(), x.shape(1));
    return nullptr;
  }
  if (out.length() != rows * width) {
    PyErr_Format(PyExc_ValueError, "out: must have %zu elements, got %zu", rows * width, out.length());
    return nullptr;
  }
  if (rows == 0) Py_RETURN_NONE;
  constexpr std::size_t alignment = Contributions::alignment;
  const std::size_t bytes = (contributions.scratch() * sizeof(float) + alignment - 1) / alignment * alignment;
  const std::unique_ptr<void, decltype(&std::free)> scratch(std::aligned_alloc(alignment, bytes), &std::free);
  if (scratch == nullptr) return PyErr_NoMemory();
  const auto work = [&] {
    contributions.of(x.span<float>().data(), rows, wide != 0, out.writable<float>(), static_cast<float*>(scratch.get()));
  };
  if (rows * contributions.nodes() <= short_nodes) {
    work();
  } else {
    Py_BEGIN_ALLOW_THREADS;
    work();
    Py_END_ALLOW_THREADS;
  }
  Py_RETURN_NONE;
}

PyMethodDef methods[] = {
    {"of", reinterpret_cast<PyCFunction>(reinterpret_cast<void (*)()>(of)), METH_FASTCALL,
     "of(rows, out, wide): float32 (rows, features) into float32 (rows * outputs * (features + 1),), the bias last"},
    {nullptr, nullptr, 0, nullptr},
};
PyType_Slot slots[] = {
    {Py_tp_new, reinterpret_cast<void*>(create)},
    {Py_tp_dealloc, reinterpret_cast<void*>(destroy)},
    {Py_tp_methods, methods},
    {Py_tp_doc, const_cast<char*>("Trees, prepared for TreeSHAP. Safe to use from several threads.")},
    {0, nullptr},
};

}  // namespace

PyType_Spec contributions_spec = {"_xgboost_serving.Contributions", sizeof(Object), 0,
                                  Py_TPFLAGS_DEFAULT | Py_TPFLAGS_IMMUTABLETYPE, slots};

}  // namespace serving

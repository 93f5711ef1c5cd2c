// The Python side of the losses.
#define PY_SSIZE_T_CLEAN
#include <Python.h>

#include "arguments.hpp"
#include "losses.hpp"

namespace {

using serving::Buffer;

PyObject* of_rows(PyObject*, PyObject* const* args, Py_ssize_t count) {
  if (count != 4 || !PyUnicode_Check(args[0])) {
    PyErr_SetString(PyExc_TypeError, "total_loss takes a name, whether margins are logits, the margins and the labels");
    return nullptr;
  }
  int loss = 0;
  while (loss < serving::losses && PyUnicode_CompareWithASCIIString(args[0], serving::loss_names[loss]) != 0) ++loss;
  const int logistic = PyObject_IsTrue(args[1]);
  Buffer margins, labels;
  if (logistic < 0 || !margins.array(args[2], "margins", 'f', 4, 1) || !labels.array(args[3], "labels", 'f', 4, 1)) {
    return nullptr;
  }
  if (loss == serving::losses || (static_cast<serving::Loss>(loss) == serving::Loss::logarithmic && !logistic)) {
    PyErr_Format(PyExc_ValueError, "there is no loss %R of such margins", args[0]);
    return nullptr;
  }
  if (labels.length() != margins.length()) {
    PyErr_Format(PyExc_ValueError, "labels: must be %zu, got %zu", margins.length(), labels.length());
    return nullptr;
  }
  double total;
  Py_BEGIN_ALLOW_THREADS;
  total = serving::total_loss(static_cast<serving::Loss>(loss), logistic != 0, margins.span<float>(),
                              labels.span<float>().data());
  Py_END_ALLOW_THREADS;
  return PyFloat_FromDouble(total);
}

}  // namespace

namespace serving {

PyMethodDef loss_methods[] = {
    {"total_loss", method(of_rows), METH_FASTCALL,
     "total_loss(name, logistic, margins, labels): the sum of float32 rows' losses: 'logloss', 'squared', 'absolute' or "
     "'error'"},
    {nullptr, nullptr, 0, nullptr},
};

}  // namespace serving

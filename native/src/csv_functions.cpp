// The Python side of reading CSV.
#define PY_SSIZE_T_CLEAN
#include <Python.h>

#include <array>
#include <memory>

#include "arguments.hpp"
#include "csv.hpp"

namespace {

using serving::Buffer;

constexpr Py_ssize_t short_text = 65536;  // see `serving::short_walks`

PyObject* parse_csv(PyObject*, PyObject* const* args, Py_ssize_t count) {
  if (count != 4) {
    PyErr_SetString(PyExc_TypeError,
                    "parse_csv takes the text, the number of columns, whether one more is blank, and of threads");
    return nullptr;
  }
  const Py_ssize_t columns = PyLong_AsSsize_t(args[1]);
  if (columns == -1 && PyErr_Occurred() != nullptr) return nullptr;
  const int trailing = PyObject_IsTrue(args[2]);
  const Py_ssize_t threads = PyLong_AsSsize_t(args[3]);
  if (threads == -1 && PyErr_Occurred() != nullptr) return nullptr;
  Buffer body;
  if (trailing < 0 || !body.bytes(args[0])) return nullptr;
  if (columns < 1 || threads < 1) {
    PyErr_SetString(PyExc_ValueError, "columns and threads: must be at least 1");
    return nullptr;
  }
  const std::string_view text = body.text();
  const auto wide = static_cast<std::size_t>(columns);
  std::array<serving::Part, serving::most_parts> parts;
  const std::size_t cuts = serving::cut(text, wide, static_cast<std::size_t>(threads), parts.data());
  std::size_t capacity = 0;
  for (std::size_t i = 0; i < cuts; ++i) capacity += parts[i].capacity;
  PyObject* result = PyByteArray_FromStringAndSize(nullptr, static_cast<Py_ssize_t>(capacity * wide * sizeof(float)));
  if (result == nullptr) return nullptr;
  auto* out = reinterpret_cast<float*>(PyByteArray_AsString(result));
  std::size_t rows;
  if (cuts == 1 && body.length() <= static_cast<std::size_t>(short_text)) {
    rows = serving::parse(parts.data(), cuts, wide, trailing != 0, out);
  } else {
    Py_BEGIN_ALLOW_THREADS;
    rows = serving::parse(parts.data(), cuts, wide, trailing != 0, out);
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

PyObject* parse_csv_columns(PyObject*, PyObject* const* args, Py_ssize_t count) {
  if (count != 4 || !PyList_Check(args[1])) {
    PyErr_SetString(PyExc_TypeError, "parse_csv_columns takes the text, a list of columns, and the first and last row");
    return nullptr;
  }
  const std::size_t first = PyLong_AsSize_t(args[2]), last = PyLong_AsSize_t(args[3]);
  if (PyErr_Occurred() != nullptr) return nullptr;
  const auto wide = static_cast<std::size_t>(PyList_Size(args[1]));
  Buffer body;
  const auto columns = std::make_unique<Buffer[]>(wide);
  const auto places = std::make_unique<double*[]>(wide);
  if (!body.bytes(args[0])) return nullptr;
  for (std::size_t j = 0; j < wide; ++j) {
    if (!columns[j].array(PyList_GetItem(args[1], static_cast<Py_ssize_t>(j)), "column", 'd', 8, 1, true)) return nullptr;
    if (first > last || last > columns[j].length()) {
      PyErr_SetString(PyExc_ValueError, "columns: must have the rows from the first to the last");
      return nullptr;
    }
    places[j] = columns[j].writable<double>() + first;
  }
  std::size_t rows;
  Py_BEGIN_ALLOW_THREADS;
  rows = wide == 0 ? serving::declined : serving::parse_columns(body.text(), {places.get(), wide}, last - first);
  Py_END_ALLOW_THREADS;
  return PyBool_FromLong(rows == last - first);
}

PyObject* survey_of(PyObject*, PyObject* text) {
  Buffer body;
  if (!body.bytes(text)) return nullptr;
  serving::Survey found;
  Py_BEGIN_ALLOW_THREADS;
  found = serving::survey(body.text());
  Py_END_ALLOW_THREADS;
  const auto boolean = [](bool value) { return value ? Py_True : Py_False; };
  return Py_BuildValue("nnOOO", static_cast<Py_ssize_t>(found.quotes), static_cast<Py_ssize_t>(found.line_feeds),
                       boolean(found.returns), boolean(found.nuls), boolean(found.ascii));
}

}  // namespace

namespace serving {

PyMethodDef csv_methods[] = {
    {"parse_csv", method(parse_csv), METH_FASTCALL,
     "parse_csv(text, columns, trailing, threads): float32 rows as a bytearray, or None where the text is not plain "
     "numbers"},
    {"survey", survey_of, METH_O,
     "survey(text): how many quotes and line feeds, and whether there are carriage returns, NUL bytes, only ASCII"},
    {"parse_csv_columns", method(parse_csv_columns), METH_FASTCALL,
     "parse_csv_columns(text, columns, first, last): the text's cells into these rows of float64 columns; whether it "
     "was plain numbers, and just as many rows"},
    {nullptr, nullptr, 0, nullptr},
};

}  // namespace serving

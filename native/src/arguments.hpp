// What comes from Python: arrays of known types and shapes, and a model as arrays.
#pragma once

#define PY_SSIZE_T_CLEAN
#include <Python.h>

#include <memory>
#include <span>
#include <string_view>

#include "forest.hpp"
#include "transform.hpp"

namespace serving {

class Buffer {
 public:
  Buffer() = default;
  Buffer(const Buffer&) = delete;
  Buffer& operator=(const Buffer&) = delete;
  ~Buffer() {
    if (view_.obj != nullptr) PyBuffer_Release(&view_);
  }

  bool bytes(PyObject* object) { return PyObject_GetBuffer(object, &view_, PyBUF_SIMPLE) == 0; }

  /// A C-contiguous array of this element type; `what` is for the message.
  bool array(PyObject* object, const char* what, char type, Py_ssize_t size, int dimensions, bool writable = false) {
    const int flags = PyBUF_ND | PyBUF_FORMAT | PyBUF_C_CONTIGUOUS | (writable ? PyBUF_WRITABLE : 0);
    if (PyObject_GetBuffer(object, &view_, flags) != 0) {
      view_.obj = nullptr;
      return false;
    }
    const char* format = view_.format;
    if (format != nullptr && (*format == '@' || *format == '=' || *format == '<')) ++format;
    const bool typed = format != nullptr && view_.itemsize == size && format[1] == '\0' &&
                       (format[0] == type || (type == 'i' && format[0] == 'l'));
    if (typed && view_.ndim == dimensions) return true;
    PyErr_Format(PyExc_ValueError, "%s: must be an array of '%c' with %d dimensions", what, type, dimensions);
    return false;
  }

  template <class T>
  std::span<const T> span() const {
    return {static_cast<const T*>(view_.buf), static_cast<std::size_t>(view_.len) / sizeof(T)};
  }
  std::string_view text() const { return {static_cast<const char*>(view_.buf), static_cast<std::size_t>(view_.len)}; }
  template <class T>
  T* writable() const {
    return static_cast<T*>(view_.buf);
  }
  std::size_t shape(int dimension) const { return static_cast<std::size_t>(view_.shape[dimension]); }
  std::size_t length() const { return static_cast<std::size_t>(view_.len) / static_cast<std::size_t>(view_.itemsize); }

 private:
  Py_buffer view_{};
};

/// The arguments of a type that takes a model; see `Source`.
class ModelArguments {
 public:
  /// Sets a Python exception where they are none.
  bool parse(PyObject* args, PyObject* keywords);

  Source source;
  Transform transform{};

 private:
  Buffer buffers_[14];
  std::unique_ptr<float[]> start_;
};

/// Make what a model is packed into, its exceptions as Python's; null where one is set.
template <class Make>
auto packed(Make&& make) -> decltype(make().release()) {
  try {
    return make().release();
  } catch (const std::bad_alloc&) {
    PyErr_NoMemory();
  } catch (const std::exception& error) {  // what is not a forest, and what is too large
    PyErr_Format(PyExc_ValueError, "this is no forest: %s", error.what());
  }
  return nullptr;
}

/// Work of about half a millisecond: shorter keeps the interpreter's lock. To give it back and wait for it costs more,
/// and up to a switch interval of 5 ms where other threads compute.
inline constexpr std::size_t short_walks = 16384, short_nodes = 32768;

extern PyType_Spec contributions_spec;
extern PyMethodDef csv_methods[], loss_methods[];

/// Of METH_FASTCALL; it takes no other, such as one of this namespace that has the name of a method.
inline PyCFunction method(PyObject* function(PyObject*, PyObject* const*, Py_ssize_t)) {
  return reinterpret_cast<PyCFunction>(reinterpret_cast<void (*)()>(function));
}

}  // namespace serving

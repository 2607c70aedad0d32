// Delivery of spikes along connections that are sorted by the sending unit, called by XLA on a CPU.
//
// y[sample, i] = the sum over the connections k from j to i of weight[k] * x[sample, j], of the units j with x != 0
// alone, by ascending j and k: so are sums the same as those of dynplug's own events, bit for bit.

#define PY_SSIZE_T_CLEAN
#include <Python.h>

#include <algorithm>
#include <cstdint>
#include <functional>
#include <numeric>

#include "xla/ffi/api/ffi.h"

namespace ffi = xla::ffi;

namespace {

// As many units are looked at together, by instructions for several numbers at once.
constexpr int64_t kBlock = 32;

// Fewer connections of active units than this, in all samples, are not worth the start of threads.
constexpr int64_t kWorthThreads = 1 << 17;

using Dimensions = ffi::Span<const int64_t>;

// An operand with axes of samples before its own last axis; axes of length one count for all samples.
struct Operand {
  int64_t length = 1;
  Dimensions axes;

  explicit Operand(Dimensions dims) : length(dims.back()), axes(dims) {}

  // Where the part of a sample begins, whose index runs over the axes of samples of the result, the last one fastest.
  int64_t offset(int64_t sample, Dimensions result) const {
    int64_t found = 0, stride = length;
    for (size_t axis = result.size() - 1; axis-- > 0;) {
      const int64_t here = sample % result[axis];
      sample /= result[axis];
      found += axes[axis] == 1 ? 0 : here * stride;
      stride *= axes[axis];
    }
    return found;
  }
};

// Calls `act(j)` for each unit that sends something, by ascending index.
template <typename Value, typename Act>
void for_active(const Value* x, int64_t units, Act act) {
  for (int64_t first = 0; first < units; first += kBlock) {
    const int64_t last = std::min(first + kBlock, units);
    int any = 0;
    for (int64_t j = first; j < last; ++j) any |= x[j] != 0;  // which NaN is, too
    if (!any) continue;
    for (int64_t j = first; j < last; ++j) {
      if (x[j] != 0) act(j);
    }
  }
}

// One sample. `shared`: the weight is one for all connections.
template <typename Value, typename Index>
void deliver(const Value* x, int64_t units, const Value* weight, bool shared, const Index* start, const int32_t* post,
             Value* y) {
  for_active(x, units, [=](int64_t j) {
    const Index end = start[j + 1];
    if (shared) {
      const Value sent = *weight * x[j];
      for (Index k = start[j]; k < end; ++k) y[post[k]] += sent;
    } else {
      for (Index k = start[j]; k < end; ++k) y[post[k]] += weight[k] * x[j];
    }
  });
}

template <typename Value, typename Index>
ffi::Error samples(const ffi::AnyBuffer& x, const ffi::AnyBuffer& weight, const ffi::AnyBuffer& start,
                   const ffi::Buffer<ffi::S32>& post, ffi::AnyBuffer& y) {
  const Dimensions result = y.dimensions();
  const Operand xs(x.dimensions()), weights(weight.dimensions()), starts(start.dimensions()), posts(post.dimensions());
  const int64_t targets = result.back();
  const int64_t count = std::accumulate(result.begin(), result.end() - 1, int64_t{1}, std::multiplies<>());
  const bool shared = weights.length == 1;

  const auto run = [&](int64_t s) {
    Value* own = y.typed_data<Value>() + s * targets;
    std::fill(own, own + targets, Value{0});
    deliver(x.typed_data<Value>() + xs.offset(s, result), xs.length,
            weight.typed_data<Value>() + weights.offset(s, result), shared,
            start.typed_data<Index>() + starts.offset(s, result), post.typed_data() + posts.offset(s, result), own);
  };

  if (count == 1) {  // OpenMP would take as long to set up one thread as a step has for its spikes
    run(0);
    return ffi::Error::Success();
  }
  int64_t work = 0;
  for (int64_t s = 0; s < count; ++s) {
    const Index* own = start.typed_data<Index>() + starts.offset(s, result);
    for_active(x.typed_data<Value>() + xs.offset(s, result), xs.length, [&](int64_t j) { work += own[j + 1] - own[j]; });
  }
#pragma omp parallel for schedule(dynamic) if (work > kWorthThreads)
  for (int64_t s = 0; s < count; ++s) run(s);
  return ffi::Error::Success();
}

template <typename Value>
ffi::Error indexed(const ffi::AnyBuffer& x, const ffi::AnyBuffer& weight, const ffi::AnyBuffer& start,
                   const ffi::Buffer<ffi::S32>& post, ffi::AnyBuffer& y) {
  return start.element_type() == ffi::S32 ? samples<Value, int32_t>(x, weight, start, post, y)
                                          : samples<Value, int64_t>(x, weight, start, post, y);
}

ffi::Error rows(ffi::AnyBuffer x, ffi::AnyBuffer weight, ffi::AnyBuffer start, ffi::Buffer<ffi::S32> post,
                ffi::Result<ffi::AnyBuffer> y) {
  switch (x.element_type()) {
    case ffi::F32:
      return indexed<float>(x, weight, start, post, *y);
    case ffi::F64:
      return indexed<double>(x, weight, start, post, *y);
    default:
      return ffi::Error::InvalidArgument("dynplug-kernels delivers float32 and float64.");
  }
}

XLA_FFI_DEFINE_HANDLER(kRows, rows,
                       ffi::Ffi::Bind()
                           .Arg<ffi::AnyBuffer>()          // x (..., units)
                           .Arg<ffi::AnyBuffer>()          // weight (..., connections) or (..., 1)
                           .Arg<ffi::AnyBuffer>()          // start (..., units + 1)
                           .Arg<ffi::Buffer<ffi::S32>>()   // post (..., connections)
                           .Ret<ffi::AnyBuffer>());        // y (..., targets)

PyModuleDef module = {PyModuleDef_HEAD_INIT, "_rows", nullptr, -1, nullptr};

}  // namespace

PyMODINIT_FUNC PyInit__rows() {
  PyObject* made = PyModule_Create(&module);
  if (made == nullptr) return nullptr;
  PyObject* capsule = PyCapsule_New(reinterpret_cast<void*>(+kRows), nullptr, nullptr);
  if (capsule == nullptr || PyModule_AddObject(made, "rows", capsule) < 0) {
    Py_XDECREF(capsule);
    Py_DECREF(made);
    return nullptr;
  }
  return made;
}

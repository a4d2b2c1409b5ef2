// Any bytes either decode to a file that encodes and decodes to itself, or give an Error.
#include <cstdint>
#include <cstdlib>

#include "base/error.h"
#include "base/safetensors.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace subbyte;
  TensorFile file;
  try {
    file = decode_safetensors({data, size}, "input");
  } catch (const Error&) {
    return 0;
  }
  const TensorFile again = decode_safetensors(encode_safetensors(file), "again");
  if (again.metadata != file.metadata || again.tensors.size() != file.tensors.size()) std::abort();
  for (size_t i = 0; i < file.tensors.size(); ++i)
    if (again.tensors[i].name != file.tensors[i].name || again.tensors[i].bytes != file.tensors[i].bytes) std::abort();
  return 0;
}

// Any bytes either decode to a file that encodes and decodes to itself, or give an Error.
#include "base/safetensors.h"
#include "base/safetensors_mutator.h"

using namespace subbyte;

namespace {

fuzz::Bytes example(fuzz::Dice& dice) {
  if (dice.roll(2) == 0) {  // as another program may write it
    const std::string header =
        R"({"b":{"dtype":"I64","shape":[1],"data_offsets":[6,14]},)"
        R"("a":{"shape":[2,3],"data_offsets":[0,6],"dtype":"U8"}})";
    return fuzz::join_safetensors(header, fuzz::Bytes(14, 7));
  }
  TensorFile file;
  file.metadata = {{"model", "mlp"}, {"text", "line\n\"quoted\" \xc3\xa9"}};
  file.add("fc.weight", {2, 3}, std::vector<float>{1, -2, 3.5f, 0, 1e-30f, 6});
  file.add("empty", {0, 4}, std::vector<float>{});
  file.add("seen", {}, std::vector<int32_t>{-1});
  return encode_safetensors(file);
}

}  // namespace

extern "C" size_t LLVMFuzzerCustomMutator(uint8_t* data, size_t size, size_t max_size, unsigned seed) {
  return fuzz::mutate_safetensors(data, size, max_size, seed, example);
}

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  TensorFile file;
  if (!fuzz::accepts([&] { file = decode_safetensors({data, size}, "input"); })) return 0;
  const TensorFile again = decode_safetensors(encode_safetensors(file), "again");
  fuzz::require(again.metadata == file.metadata && again.tensors.size() == file.tensors.size());
  for (size_t i = 0; i < file.tensors.size(); ++i) {
    const StoredTensor &a = file.tensors[i], &b = again.tensors[i];
    fuzz::require(a.name == b.name && a.dtype == b.dtype && a.shape == b.shape && a.bytes == b.bytes);
  }
  return 0;
}

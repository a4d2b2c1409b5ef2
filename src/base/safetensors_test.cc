#include "base/safetensors.h"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <algorithm>
#include <filesystem>
#include <functional>
#include <string>
#include <vector>

#include "base/error.h"
#include "base/files.h"

namespace subbyte {
namespace {

TensorFile example() {
  TensorFile file;
  file.metadata = {{"model", "mlp"}, {"text", "line\n\"quoted\" \\ \xc3\xa9"}};
  file.add("fc1.weight", {2, 3}, std::vector<float>{1, -2, 3.5f, 0, 1e-30f, 6});
  file.add("empty", {0, 4}, std::vector<float>{});
  file.add("ema", {3}, std::vector<int32_t>{-1, 0, 2147483647});
  file.add("scalar", {}, std::vector<float>{42});
  return file;
}

/// A file with this header and `data` zero bytes, without a checksum, as another program would write it.
std::vector<uint8_t> foreign(const std::string& header, size_t data) {
  std::vector<uint8_t> bytes(8 + header.size() + data, 0);
  bytes[0] = uint8_t(header.size());
  bytes[1] = uint8_t(header.size() >> 8);
  std::copy(header.begin(), header.end(), bytes.begin() + 8);
  return bytes;
}

std::string error_of(const std::vector<uint8_t>& bytes) {
  try {
    decode_safetensors(bytes, "F");
  } catch (const Error& error) {
    return error.what();
  }
  return "accepted";
}

void expect_same(const TensorFile& a, const TensorFile& b) {
  EXPECT_EQ(a.metadata, b.metadata);
  ASSERT_EQ(a.tensors.size(), b.tensors.size());
  for (size_t i = 0; i < a.tensors.size(); ++i) {
    EXPECT_EQ(a.tensors[i].name, b.tensors[i].name);
    EXPECT_EQ(a.tensors[i].dtype, b.tensors[i].dtype);
    EXPECT_EQ(a.tensors[i].shape, b.tensors[i].shape);
    EXPECT_EQ(a.tensors[i].bytes, b.tensors[i].bytes);
  }
}

TEST(Safetensors, RoundTrip) {
  const std::vector<uint8_t> bytes = encode_safetensors(example());
  const TensorFile file = decode_safetensors(bytes, "F");
  expect_same(file, example());
  EXPECT_EQ(encode_safetensors(file), bytes);
  EXPECT_EQ(file.find("fc1.weight")->floats()[2], 3.5f);
  EXPECT_EQ(file.find("ema")->ints()[2], 2147483647);
  EXPECT_EQ(file.find("other"), nullptr);
  EXPECT_THROW(file.find("ema")->floats(), Error);
  const uint64_t header = bytes[0] | bytes[1] << 8;
  EXPECT_EQ(header % 8, 0u);
}

RC_GTEST_PROP(Safetensors, AnyContentRoundTrips, (std::vector<std::vector<float>> rows)) {
  TensorFile file;
  for (size_t i = 0; i < rows.size(); ++i) file.add("t" + std::to_string(i), {int64_t(rows[i].size())}, rows[i]);
  const TensorFile again = decode_safetensors(encode_safetensors(file), "F");
  RC_ASSERT(again.tensors.size() == rows.size());
  for (size_t i = 0; i < rows.size(); ++i) RC_ASSERT(again.tensors[i].bytes == file.tensors[i].bytes);
}

TEST(Safetensors, EveryFlippedBitIsFound) {
  const std::vector<uint8_t> good = encode_safetensors(example());
  for (size_t byte = 0; byte < good.size(); ++byte)
    for (int bit = 0; bit < 8; ++bit) {
      std::vector<uint8_t> bad = good;
      bad[byte] ^= uint8_t(1 << bit);
      try {
        const TensorFile file = decode_safetensors(bad, "F");
        // A flip in the checksum's own key turns it into unknown metadata: the only damage that cannot be told from a
        // foreign file's metadata, and one that changes no value.
        EXPECT_EQ(file.metadata.size(), 3u) << byte;
        for (const StoredTensor& tensor : file.tensors) EXPECT_EQ(tensor.bytes, example().find(tensor.name)->bytes);
      } catch (const Error& error) {
        EXPECT_EQ(std::string(error.what()).rfind("F: ", 0), 0u);
      }
    }
}

TEST(Safetensors, EveryTruncationIsFound) {
  const std::vector<uint8_t> good = encode_safetensors(example());
  for (size_t size = 0; size < good.size(); ++size)
    EXPECT_THROW(decode_safetensors({good.data(), size}, "F"), Error) << size;
  std::vector<uint8_t> longer = good;
  longer.push_back(0);
  EXPECT_EQ(error_of(longer), "F: found 41 bytes of data, expected 40");
}

TEST(Safetensors, MessagesNameWhatIsWrong) {
  std::vector<uint8_t> damaged = encode_safetensors(example());
  damaged.back() ^= 1;
  EXPECT_NE(error_of(damaged).find("F: damaged: found checksum "), std::string::npos);
  EXPECT_EQ(error_of({1, 2, 3}), "F: not a safetensors file: found 3 bytes, expected at least 8");
  EXPECT_NE(error_of({255, 255, 255, 255, 255, 255, 255, 255, 0}).find("header: found a length of"), std::string::npos);
  EXPECT_EQ(error_of(foreign("{nonsense", 0)), "F: header: not valid JSON");
  EXPECT_EQ(error_of(foreign("[1]", 0)), "F: header: expected a JSON object");
  EXPECT_NE(error_of(foreign(R"({"__metadata__":{"a":1}})", 0)).find("must be a string"), std::string::npos);
}

TEST(Safetensors, EntriesOfForeignFilesAreChecked) {
  const auto entry = [](const std::string& dtype, const std::string& shape, const std::string& offsets) {
    return R"({"x":{"dtype":)" + dtype + R"(,"shape":)" + shape + R"(,"data_offsets":)" + offsets + "}}";
  };
  EXPECT_EQ(error_of(foreign(entry(R"("F32")", "[2]", "[0,8]"), 8)), "accepted");
  EXPECT_EQ(error_of(foreign(entry(R"("U8")", "[]", "[0,1]"), 1)), "accepted");
  EXPECT_EQ(error_of(foreign(entry(R"("F64")", "[1]", "[0,8]"), 8)),
            "F: tensor 'x': found dtype 'F64', expected F32, I32, I64 or U8");
  const auto rejects = [&](const std::string& dtype, const std::string& shape, const std::string& offsets,
                           const std::string& message, size_t data = 8) {
    EXPECT_NE(error_of(foreign(entry(dtype, shape, offsets), data)).find(message), std::string::npos)
        << error_of(foreign(entry(dtype, shape, offsets), data));
  };
  rejects("1", "[2]", "[0,8]", "dtype is missing");
  rejects(R"("F32")", "2", "[0,8]", "shape is missing");
  rejects(R"("F32")", "[-2]", "[0,8]", "shape must hold numbers");
  rejects(R"("F32")", "[2.5]", "[0,8]", "shape must hold numbers");
  rejects(R"("F32")", "[4294967296,4294967296]", "[0,8]", "the shape is too large");
  rejects(R"("F32")", "[9223372036854775807]", "[0,8]", "the shape is too large");
  rejects(R"("F32")", "[2]", "[0]", "must hold two numbers");
  rejects(R"("F32")", "[2]", "[8,0]", "found data_offsets 8 to 0");
  rejects(R"("F32")", "[2]", "[0,8]", "truncated", 4);
  rejects(R"("F32")", "[3]", "[0,8]", "found 8 bytes, expected 12");
  rejects(R"("F32")", "[1]", "[4,8]", "found data at byte 4, expected 0");
  rejects(R"("F32")", "[1]", "[0,4]", "found 8 bytes of data, expected 4");
}

TEST(Safetensors, OverlapIsFound) {
  const std::string header = R"({"a":{"dtype":"U8","shape":[4],"data_offsets":[0,4]},)"
                             R"("b":{"dtype":"U8","shape":[4],"data_offsets":[2,6]}})";
  EXPECT_EQ(error_of(foreign(header, 6)), "F: tensor 'b': found data at byte 2, expected 4");
}

TEST(Safetensors, HeaderOrderNeedNotBeDataOrder) {
  const std::string header = R"({"b":{"dtype":"U8","shape":[2],"data_offsets":[4,6]},)"
                             R"("a":{"dtype":"U8","shape":[4],"data_offsets":[0,4]}})";
  const TensorFile file = decode_safetensors(foreign(header, 6), "F");
  EXPECT_EQ(file.tensors[0].name, "a");
  EXPECT_EQ(file.tensors[1].bytes.size(), 2u);
}

TEST(Safetensors, EncoderRejectsWhatItCannotWrite) {
  TensorFile twice;
  twice.add("x", {1}, std::vector<float>{1});
  twice.add("x", {1}, std::vector<float>{1});
  EXPECT_THROW(encode_safetensors(twice), Error);
  TensorFile wrong;
  wrong.add("x", {2}, std::vector<float>{1});
  EXPECT_THROW(encode_safetensors(wrong), Error);
  TensorFile latin;
  latin.metadata["x"] = "\xe9";
  EXPECT_THROW(encode_safetensors(latin), Error);
}

}  // namespace
}  // namespace subbyte

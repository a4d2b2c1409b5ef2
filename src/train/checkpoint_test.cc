#include "train/checkpoint.h"

#include <gtest/gtest.h>
#include <stdlib.h>

#include <cmath>
#include <filesystem>
#include <functional>

#include "base/error.h"
#include "base/files.h"
#include "train/test_network.h"

namespace subbyte {
namespace {

class CheckpointTest : public testing::Test {
 protected:
  void SetUp() override {
    std::string name = (std::filesystem::temp_directory_path() / "subbyte-checkpoint-XXXXXX").string();
    ASSERT_NE(mkdtemp(name.data()), nullptr);
    folder_ = name;
    path_ = folder_ + "/c.safetensors";
    info_ = {"test", "w4a4g4", "[train]\nepochs = 3\n", 18446744073709551615u, {1, 2, 12, 10, 0.1 + 0.2, 7, 20}};
  }
  void TearDown() override { std::filesystem::remove_all(folder_); }

  void save() {
    network_.params()[0].value[5] = 1.25f;
    network_.states()[0].floats[1] = -3.0f;
    network_.states()[1].ints[0] = 77;
    optimizer_.velocity()[1][2] = 0.5f;
    save_checkpoint(path_, info_, network_, &optimizer_);
  }
  std::string error_of(const std::function<void()>& action) {
    try {
      action();
    } catch (const Error& error) {
      return error.what();
    }
    return "accepted";
  }
  /// Rewrites the file with a change, checksum included.
  void rewrite(const std::function<void(TensorFile&)>& change) {
    TensorFile file = read_safetensors(path_);
    change(file);
    write_safetensors(path_, file);
  }

  std::string folder_, path_;
  CheckpointInfo info_;
  TestNetwork network_;
  Sgd optimizer_{{}, network_.params()};
};

TEST_F(CheckpointTest, RoundTrip) {
  save();
  const Checkpoint checkpoint = load_checkpoint(path_);
  EXPECT_EQ(checkpoint.info.model, "test");
  EXPECT_EQ(checkpoint.info.format, "w4a4g4");
  EXPECT_EQ(checkpoint.info.config, info_.config);
  EXPECT_EQ(checkpoint.info.seed, info_.seed);
  const Progress& at = checkpoint.info.progress;
  EXPECT_EQ(at.epoch, 1);
  EXPECT_EQ(at.step_in_epoch, 2);
  EXPECT_EQ(at.step, 12);
  EXPECT_EQ(at.steps_per_epoch, 10);
  EXPECT_EQ(at.loss_sum, 0.1 + 0.2);
  EXPECT_EQ(at.correct, 7);
  EXPECT_EQ(at.images, 20);

  TestNetwork other;
  Sgd optimizer({}, other.params());
  restore(checkpoint, other, &optimizer);
  EXPECT_EQ(other.params()[0].value, network_.params()[0].value);
  EXPECT_EQ(other.states()[0].floats, network_.states()[0].floats);
  EXPECT_EQ(other.states()[1].ints[0], 77);
  EXPECT_EQ(optimizer.velocity(), optimizer_.velocity());

  const std::vector<uint8_t> bytes = read_file(path_);
  save_checkpoint(path_, checkpoint.info, other, &optimizer);
  EXPECT_EQ(read_file(path_), bytes);
}

TEST_F(CheckpointTest, InferenceAloneNeedsNoOptimizer) {
  save_checkpoint(path_, info_, network_, nullptr);
  const Checkpoint checkpoint = load_checkpoint(path_);
  TestNetwork other;
  Sgd optimizer({}, other.params());
  EXPECT_NO_THROW(restore(checkpoint, other, nullptr));
  EXPECT_EQ(error_of([&] { restore(checkpoint, other, &optimizer); }), path_ +
      ": tensor 'fc.weight.velocity' is missing");
}

TEST_F(CheckpointTest, ValuesThatAreNotFiniteAreNotSaved) {
  save();
  const std::vector<uint8_t> bytes = read_file(path_);
  network_.params()[1].value[0] = std::nanf("");
  EXPECT_NE(error_of([&] { save_checkpoint(path_, info_, network_, nullptr); }).find("'fc.bias' holds a value"),
            std::string::npos);
  network_.params()[1].value[0] = 0;
  network_.states()[0].floats[0] = INFINITY;
  EXPECT_NE(error_of([&] { save_checkpoint(path_, info_, network_, nullptr); }).find("'input.mean'"),
      std::string::npos);
  EXPECT_EQ(read_file(path_), bytes);
}

TEST_F(CheckpointTest, OtherModelsAndFilesAreNamed) {
  save();
  EXPECT_EQ(error_of([&] { check_identity(load_checkpoint(path_), "mlp", "w8a8g8"); }),
            "checkpoint " + path_ + " is of model 'test' (w4a4g4), expected 'mlp' (w8a8g8)");
  EXPECT_NO_THROW(check_identity(load_checkpoint(path_), "test", "w4a4g4"));
  write_safetensors(path_, TensorFile{});
  EXPECT_EQ(error_of([&] { load_checkpoint(path_); }), path_ +
      ": not a Subbyte checkpoint: metadata 'kind' is missing");
}

TEST_F(CheckpointTest, DamagedMetadataIsNamed) {
  for (const char* key :
      {"seed", "epoch", "step_in_epoch", "step", "steps_per_epoch", "loss_sum_bits", "correct", "images"})
    for (const char* bad : {"", "x", "-1", "1.5", "99999999999999999999999"}) {
      save();
      rewrite([&](TensorFile& file) { file.metadata[key] = bad; });
      EXPECT_EQ(error_of([&] { load_checkpoint(path_); }),
                path_ + ": metadata '" + key + "': found '" + bad + "', expected a whole number");
    }
}

TEST_F(CheckpointTest, WrongTensorsLeaveTheNetworkAlone) {
  const auto restore_error = [&](const std::function<void(TensorFile&)>& change) {
    save();
    rewrite(change);
    TestNetwork other;
    Sgd optimizer({}, other.params());
    const std::string message = error_of([&] { restore(load_checkpoint(path_), other, &optimizer); });
    EXPECT_EQ(other.params()[0].value, TestNetwork().params()[0].value);
    return message;
  };
  EXPECT_EQ(restore_error([](TensorFile& file) { file.tensors[1].shape = {3, 1}; }),
            path_ + ": tensor 'fc.bias': found F32 [3, 1], expected F32 [3]");
  EXPECT_EQ(restore_error([](TensorFile& file) { file.tensors[3].dtype = DType::f32; }),
            path_ + ": tensor 'seen': found F32 [1], expected I32 [1]");
  EXPECT_EQ(restore_error([](TensorFile& file) { file.tensors.erase(file.tensors.begin() + 2); }),
            path_ + ": tensor 'input.mean' is missing");
  EXPECT_EQ(restore_error([](TensorFile& file) { file.tensors.pop_back(); }),
            path_ + ": tensor 'fc.bias.velocity' is missing");
}

}  // namespace
}  // namespace subbyte

// The memory that `subbyte train --dry-run` announces is what the run takes.
#include "program.h"

namespace subbyte {
namespace {

using nlohmann::json;

class DryRunTest : public ProgramTest {
 protected:
  /// Images of 32x32, so that activations weigh more than the program.
  void write_images(int count) {
    make_folder(path("images"));
    for (const std::string part : {"train", "t10k"}) {
      std::string images = big_endian(0x803) + big_endian(uint32_t(count)) + big_endian(32) + big_endian(32);
      std::string labels = big_endian(0x801) + big_endian(uint32_t(count));
      for (uint32_t i = 0; i < uint32_t(count) * 256; ++i)
        for (const uint32_t word : philox({3, 4}, {i, 0, 0, 0})) images += char(word >> 24);
      for (int i = 0; i < count; ++i) labels += char(i % kClasses);
      write_file(path("images/" + part + "-images-idx3-ubyte"), images);
      write_file(path("images/" + part + "-labels-idx1-ubyte"), labels);
    }
  }

  Strings arguments(const std::string& model, int batch, int threads) const {
    return {"train", "--model", model, "--data", "mnist", "--data-dir", path("images"), "--format", "w4a4g4", "--epochs", "1",
            "--batch", std::to_string(batch), "--threads", std::to_string(threads), "--max-steps", "3", "--json", "--out",
            path("run")};
  }

  json last_line(const Outcome& outcome) {
    EXPECT_EQ(outcome.code, 0) << outcome.err;
    return json::parse(outcome.out);
  }

  struct Peaks {
    double found = 0, expected = 0;  // MiB
  };

  Peaks check(const std::string& model, int batch, int threads) {
    SCOPED_TRACE(model + " " + std::to_string(batch) + " " + std::to_string(threads));
    std::filesystem::remove_all(path("run"));
    Strings dry = arguments(model, batch, threads);
    dry.push_back("--dry-run");
    const json plan = last_line(subbyte(dry));
    EXPECT_FALSE(std::filesystem::exists(path("run")));
    const json run = last_line(subbyte(arguments(model, batch, threads)));
    const double mib = 1024.0 * 1024.0, beyond = plan["total"].get<double>() / mib;
    const double expected = plan["expected_peak_rss"].get<double>() / mib, found = run["peak_rss_mib"].get<double>();
    // Some 2 MiB that no batch changes (the allocator's, and pages of the program) are in no plan.
    EXPECT_NEAR(found, expected, std::max(0.05 * beyond, 3.0)) << plan.dump();
    return {found, expected};
  }
};

TEST_F(DryRunTest, AgreesWithTheRun) {
  write_images(384);
  for (const int threads : {1, 2}) {
    const Peaks small = check("resnet20", 32, threads), large = check("resnet20", 128, threads);
    const double grown = large.expected - small.expected;  // what a batch takes, without the constant part
    EXPECT_NEAR(large.found - small.found, grown, 0.05 * grown) << threads;
  }
  check("vgg-small", 16, 1);
}

TEST_F(DryRunTest, ChangesNoRunFolderAndPrintsATable) {
  expect_good(subbyte(train("run")));
  const std::vector<uint8_t> before = checkpoint("run");
  const Outcome table = subbyte(train("run", {"--dry-run"}));
  expect_good(table);
  for (const char* text : {"parameters", "norm codes", "streams", "loader", "data set", "program", "expected peak"})
    EXPECT_NE(table.out.find(text), std::string::npos) << text;
  expect_good(subbyte({"train", "--resume", path("run"), "--epochs", "3", "--dry-run"}));
  EXPECT_EQ(checkpoint("run"), before);
  EXPECT_EQ(metrics("run").size(), 2u);
}

}  // namespace
}  // namespace subbyte

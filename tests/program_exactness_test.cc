// Through the program: the same checkpoint for any number of threads and every instruction set.
#include <gtest/gtest.h>

#include "network_support.h"
#include "program.h"

namespace subbyte {
namespace {

class ProgramExactness : public ProgramTest {};

TEST_F(ProgramExactness, CheckpointsAreTheSameBytesForEveryInstructionSetAndThreads) {
  std::vector<uint8_t> expected;
  for (const Isa isa : supported_isas())
    for (const int threads : {1, 2, 3}) {
      const ForcedIsa forced(isa);
      const std::string run = std::string(isa_name(isa)) + std::to_string(threads);
      const Outcome outcome = subbyte({"train", "--model", "resnet20", "--data", "mnist", "--data-dir", path("data"),
                                       "--format", "w4a4g4", "--epochs", "2", "--batch", "20", "--lr", "0.05",
                                       "--max-steps", "3", "--threads", std::to_string(threads), "--set",
                                       "evaluation.test=never", "--out", path(run)});
      expect_good(outcome);
      EXPECT_NE(outcome.out.find(isa_name(isa)), std::string::npos) << outcome.out;  // it ran what was asked for
      const std::vector<uint8_t> found = checkpoint(run);
      if (expected.empty()) expected = found;
      EXPECT_TRUE(found == expected) << run;
    }
}

TEST_F(ProgramExactness, AnUnknownInstructionSetIsOneLine) {
  setenv("SUBBYTE_ISA", "avx", 1);
  const Outcome outcome = subbyte(train("a"));
  unsetenv("SUBBYTE_ISA");
  expect_error(outcome, 2, {"SUBBYTE_ISA: found 'avx', expected scalar, avx2, avx512vnni, amx, neon_dot or neon_i8mm"});
}

}  // namespace
}  // namespace subbyte

// subbyte fpga: what it writes, what it refuses, and a trained network's layers through the array.
#include "base/isa.h"
#include "program.h"

namespace subbyte {
namespace {

using nlohmann::json;

class Fpga : public ProgramTest {
 protected:
  /// ResNet-20 in 4 bits on the small images, a few steps.
  Strings train_resnet(const std::string& out, const Strings& more = {}) const {
    Strings all = {"--model", "resnet20", "--epochs", "1", "--set", "train.max_steps=4"};
    all.insert(all.end(), more.begin(), more.end());
    Strings command = train(out, all);
    const auto first_model = std::find(command.begin(), command.end(), "--model");
    command.erase(first_model, first_model + 2);  // train's own
    const auto first_epochs = std::find(command.begin(), command.end(), "--epochs");
    command.erase(first_epochs, first_epochs + 2);
    return command;
  }
  Strings schedule(const Strings& more) const {
    Strings command = {"fpga", "schedule", "run"};
    command.insert(command.end(), more.begin(), more.end());
    return command;
  }
  json read_json(const std::string& file) const { return json::parse(read_text(path(file))); }
};

TEST_F(Fpga, ScheduleOfALayer) {
  expect_good(subbyte(train_resnet("run")));
  const std::vector<uint8_t> before = checkpoint("run");
  const Strings command = schedule({"--layer", "layer2.0.conv1", "-o", path("s"), "--rows", "4", "--cols", "8"});
  expect_good(subbyte(command));
  EXPECT_EQ(checkpoint("run"), before);
  const json s = read_json("s/schedule.json");
  EXPECT_EQ(s["layer"], "layer2.0.conv1");
  EXPECT_EQ(s["array"]["rows"], 4);
  EXPECT_EQ(s["array"]["a_bits"], 5);
  EXPECT_EQ(s["batch"], 1);
  std::set<std::string> products;
  for (const json& p : s["products"]) {
    products.insert(p["product"]);
    for (const auto& [name, file] : p["files"].items()) {
      const std::string text = read_text(path("s/" + file["file"].get<std::string>()));
      EXPECT_EQ(std::count(text.begin(), text.end(), '\n'), file["words"].get<int64_t>()) << name;
      EXPECT_EQ(int64_t(text.find('\n')), (file["word_bits"].get<int64_t>() + 3) / 4) << name;
    }
  }
  EXPECT_EQ(products, (std::set<std::string>{"forward", "backward_data.0", "backward_data.1", "backward_data.2",
                                             "backward_data.3", "backward_weights"}));
  // The same bytes again, by every instruction set.
  for (Isa isa : supported_isas()) {
    setenv("SUBBYTE_ISA", isa_name(isa), 1);
    expect_good(subbyte(schedule({"--layer", "layer2.0.conv1", "-o", path("again"), "--rows", "4", "--cols", "8"})));
    unsetenv("SUBBYTE_ISA");
    EXPECT_EQ(files("again"), files("s"));
    for (const std::string& name : files("s")) EXPECT_EQ(read_file(path("again/" + name)), read_file(path("s/" + name))) << name;
  }
}

TEST_F(Fpga, SortedWithoutShiftsOfBlocksTakesAFewStepsMore) {
  expect_good(subbyte(train_resnet("run", {"--set", "quant.block_groups=1", "--set", "quant.block_groups_a=1", "--set",
                                           "quant.filter_groups_w=1"})));
  const auto cycles = [&](const char* placement) {
    const Outcome outcome = subbyte(schedule({"--all", "--cycles", "--json", "--placement", placement}));
    expect_good(outcome);
    return json::parse(outcome.out);
  };
  const json sorted = cycles("sorted"), barrel = cycles("barrel");
  ASSERT_EQ(sorted["products"].size(), 71u);  // of 22 layers
  for (size_t i = 0; i < sorted["products"].size(); ++i) {
    const json &s = sorted["products"][i], &b = barrel["products"][i];
    EXPECT_EQ(s["by_block"], false);
    const int64_t more = s["cycles"]["beats"].get<int64_t>() - b["cycles"]["beats"].get<int64_t>();
    EXPECT_GE(more, 0) << s;
    EXPECT_LE(more, 3 * s["cycles"]["tiles"].get<int64_t>()) << s;
  }
  EXPECT_GT(sorted["total"]["beats"], barrel["total"]["beats"]);
}

TEST_F(Fpga, WidePortsCarryTheShiftsOfBlocks) {
  expect_good(subbyte(train_resnet("run")));
  const auto beats = [&](const Strings& more) {
    Strings all = {"--layer", "layer1.1.conv1", "--cycles", "--json", "--placement"};
    all.insert(all.end(), more.begin(), more.end());
    const Outcome outcome = subbyte(schedule(all));
    expect_good(outcome);
    return json::parse(outcome.out)["total"]["beats"].get<int64_t>();
  };
  const int64_t barrel = beats({"barrel"}), narrow = beats({"sorted"}), wide = beats({"sorted", "--a-bits", "8", "--b-bits", "7"});
  EXPECT_GT(narrow, barrel * 5 / 4);
  EXPECT_LT(wide, barrel * 11 / 10);
  EXPECT_GE(wide, barrel);
}

TEST_F(Fpga, CyclesNextToFp16) {
  expect_good(subbyte(train_resnet("run")));
  const Outcome outcome = subbyte(schedule({"--all", "--cycles", "--json", "--rows", "16", "--cols", "16", "--fp16-area", "4"}));
  expect_good(outcome);
  const json found = json::parse(outcome.out);
  EXPECT_EQ(found["fp16"]["pes"], 64);
  int64_t macs = 0;
  for (const json& p : found["products"]) macs += p["m"].get<int64_t>() * p["n"].get<int64_t>() * p["k"].get<int64_t>();
  EXPECT_EQ(found["total"]["macs"], macs);
  EXPECT_GE(found["fp16"]["overlapped"]["cycles"].get<int64_t>(), macs / 64);
  EXPECT_GE(found["total"]["overlapped"].get<int64_t>(), macs / 256);
  EXPECT_LE(found["total"]["overlapped"], found["total"]["sequential"]);
  const Outcome text = subbyte(schedule({"--all", "--cycles", "--fp16-area", "4"}));
  expect_good(text);
  for (const char* part : {"layer3.2.conv2", "71 products", "FP16 on as much area (16 PEs", "every sum is the kernels' own"})
    EXPECT_NE(text.out.find(part), std::string::npos) << part << "\nin " << text.out;
}

/// A report's file (fpga/report) with one FP16 array and one of ours.
TEST_F(Fpga, AreaFromAReport) {
  expect_good(subbyte(train_resnet("run")));
  const auto report = [&](int lc) {
    const json fp16 = {{"family", "xc7"}, {"dsp", false}, {"group", "mapped"}, {"top", "fp16_array"},
                       {"parameters", {{"ROWS", 8}, {"COLS", 8}, {"WIDE", 0}, {"STYLE", 1}}}, {"LC", 12800}};
    const json ours = {{"family", "xc7"}, {"dsp", false}, {"group", "mapped"}, {"top", "subbyte_array"},
                       {"parameters", {{"ROWS", 4}, {"COLS", 8}, {"A_BITS", 5}, {"B_BITS", 4}, {"ACC_BITS", 24}, {"NG", 4},
                                       {"NG_B", 4}, {"PLACEMENT", 1}, {"STYLE", 1}}},
                       {"LC", lc}};
    write_file(path("resources.json"), json{{"designs", {fp16, ours}}}.dump());
  };
  report(1600);  // 200 against 50 a PE
  const Strings command = schedule({"--all", "--cycles", "--json", "--resources", path("resources.json")});
  const Outcome outcome = subbyte(command);
  expect_good(outcome);
  EXPECT_EQ(json::parse(outcome.out)["fp16"]["area_of_a_pe"], 4.0);
  EXPECT_EQ(json::parse(outcome.out)["fp16"]["pes"], 16);
  expect_error(subbyte(schedule({"--all", "--cycles", "--placement", "edge", "--resources", path("resources.json")})), 1,
               {"resources.json: found no subbyte_array", "A_BITS 5", "PLACEMENT 2"});
  expect_error(subbyte(schedule({"--all", "--cycles", "--fp16-area", "4", "--resources", path("resources.json")})), 2,
               {"one of --fp16-area and --resources"});
  report(0);
  expect_error(subbyte(command), 1, {"resources.json: ", "LC"});
  write_file(path("resources.json"), std::string_view("{"));
  expect_error(subbyte(command), 1, {"resources.json: "});
}

TEST_F(Fpga, ScheduleRefuses) {
  expect_good(subbyte(train("run", {"--epochs", "1"})));
  const Strings out = {"-o", path("s")};
  const auto refuses = [&](const Strings& more, int code, const Strings& texts) {
    Strings all = more;
    all.insert(all.end(), out.begin(), out.end());
    expect_error(subbyte(schedule(all)), code, texts);
    EXPECT_FALSE(std::filesystem::exists(path("s")));
  };
  refuses({"--layer", "fc9"}, 2, {"--layer: found 'fc9'", "mlp", "did you mean 'fc"});
  refuses({"--layer", "bn1"}, 2, {"--layer: found 'bn1', which is norm"});
  refuses({}, 2, {"one of --layer NAME and --all"});
  refuses({"--layer", "fc2", "--all"}, 2, {"one of --layer NAME and --all"});
  refuses({"--layer", "fc2", "--record", "1"}, 2, {"--record: found 1, expected 0 to 0"});
  refuses({"--layer", "fc2", "--batch", "0"}, 2, {"--batch: found 0"});
  refuses({"--layer", "fc2", "--rows", "0"}, 2, {"rows: found 0, expected 1 to 256"});
  refuses({"--layer", "fc2", "--placement", "middle"}, 2, {"placement: found 'middle'"});
  refuses({"--layer", "fc2", "--ng", "1"}, 2, {"layer 'fc2': forward: shifts up to"});
  refuses({"--layer", "fc2", "--acc-bits", "12"}, 2, {"bits of a sum: found 12"});
  refuses({"--layer", "fc2", "--array-format", "fp32"}, 2, {"format: found 'fp32'"});
  refuses({"--layer", "fc2", "--fp16-area", "0.5"}, 2, {"--fp16-area: found 0.5"});
  refuses({"--layer", "fc2", "--data-dir", path("nowhere")}, 1, {"nowhere"});
  expect_error(subbyte(schedule({"--layer", "fc2"})), 2, {"expected -o DIR, or --cycles"});
  expect_error(subbyte({"fpga", "schedule", "nothing", "--layer", "fc2", "-o", path("s")}), 1, {"nothing"});
  expect_error(subbyte({"fpga", "schedule", "run", "--layers", "fc2"}), 2, {"unknown option '--layers'", "--layer"});
  expect_error(subbyte({"fpga", "shedule"}), 2, {"unknown command 'shedule'", "schedule"});
  expect_error(subbyte({"fpga"}), 2, {"expected a command: ", "schedule", "generate"});
  write_file(path("file"), std::string_view("x"));
  expect_error(subbyte(schedule({"--layer", "fc2", "-o", path("file/s")})), 1, {"file/s"});
#ifdef SUBBYTE_WITH_FLOAT
  expect_good(subbyte(train("float", {"--epochs", "1", "--format", "fp32"})));
  expect_error(subbyte({"fpga", "schedule", "float", "--layer", "fc2", "-o", path("s")}), 1,
               {"float: trained in fp32", "expected a run in an integer format"});
#endif
}

TEST_F(Fpga, GenerateWritesAFolderOfItsOwn) {
  const Outcome outcome = subbyte({"fpga", "generate", "--format", "w4a4g4", "--ng", "4", "--rows", "8", "--cols", "8",
                                   "--placement", "sorted", "-o", path("design")});
  expect_good(outcome);
  EXPECT_NE(outcome.out.find("top module subbyte_design; 8x8, sorted"), std::string::npos) << outcome.out;
  std::istringstream list(read_text(path("design/files.f")));
  std::set<std::string> listed = {"files.f", "subbyte_design_parameters.svh"};
  for (std::string line; std::getline(list, line);) listed.insert(line);
  EXPECT_EQ(files("design"), listed);
  EXPECT_TRUE(listed.count("subbyte_array.sv"));
}

TEST_F(Fpga, GenerateRefuses) {
  const auto refuses = [&](const Strings& more, int code, const Strings& texts) {
    Strings command = {"fpga", "generate", "-o", path("design")};
    command.insert(command.end(), more.begin(), more.end());
    expect_error(subbyte(command), code, texts);
    EXPECT_FALSE(std::filesystem::exists(path("design")));
  };
  refuses({}, 2, {"--format is required"});
  refuses({"--format", "w9a4g4"}, 2, {"w9a4g4"});
  refuses({"--format", "fp32"}, 2, {"format: found 'fp32'"});
  refuses({"--format", "w4a4g4", "--ng", "17"}, 2, {"groups (ng): found 17"});
  refuses({"--format", "w4a4g4", "--placement", "sorted", "--ng-b", "2"}, 2, {"ng-b): found 2, expected 1"});
  refuses({"--format", "w4a4g4", "--placement", "sorted", "--reduced", "8192"}, 2,
          {"reduced: found 8192, expected at most 8191", "25 bits hold them"});
  refuses({"--format", "w4a4g4", "--acc-bits", "10"}, 2, {"bits of a sum: found 10"});
  refuses({"--format", "w4a4g4", "--style", "fast"}, 2, {"style: found 'fast', expected plain, xilinx7 or dsp48e1"});
  refuses({"--format", "w4a4g4", "--style", "dsp48e1"}, 2, {"style: found dsp48e1 with placement barrel"});
  refuses({"--format", "w4a4g4", "--name", "1st"}, 2, {"name: found '1st'"});
  refuses({"--format", "w4a4g4", "--rtl", path("none")}, 1, {"none: No such file"});
}

/// The whole way: trained, generated, scheduled, simulated; equal in every sum and cycle.
TEST_F(Fpga, EveryLayerThroughTheArrayInVerilator) {
  if (std::system("command -v verilator >/dev/null 2>&1") != 0) GTEST_SKIP() << "no verilator on the PATH";
  expect_good(subbyte(train_resnet("run")));
  for (const char* placement : {"barrel", "sorted"}) {
    const std::string command = std::string("cd ") + root_ + " && " SUBBYTE_SOURCE "/fpga/sim/schedule_cosim.sh " SUBBYTE_PROGRAM
                                " run " + root_ + "/" + placement + " w4a4g4 '--rows 8 --cols 8 --placement " + placement +
                                "' >log 2>&1";
    ASSERT_EQ(std::system(command.c_str()), 0) << read_text(path("log"));
    EXPECT_NE(read_text(path("log")).find("22 layers, 96 products"), std::string::npos) << read_text(path("log"));
    EXPECT_NE(read_text(path("log")).find(" 0 differ"), std::string::npos);
  }
}

TEST_F(Fpga, NormalizationUnitsInVerilator) {
  if (std::system("command -v verilator >/dev/null 2>&1") != 0) GTEST_SKIP() << "no verilator on the PATH";
  const std::string library = (std::filesystem::path(SUBBYTE_PROGRAM).parent_path().parent_path() / "libsubbyte.a").string();
  const std::string command = "cd " + root_ + " && " SUBBYTE_SOURCE "/fpga/sim/norm_cosim.sh " + library + " norm 100 >log 2>&1";
  ASSERT_EQ(std::system(command.c_str()), 0) << read_text(path("log"));
  for (const char* unit : {"L1 plain", "L1 mapped", "L2 plain", "L2 mapped"})
    EXPECT_NE(read_text(path("log")).find(unit), std::string::npos) << unit;
}

}  // namespace
}  // namespace subbyte

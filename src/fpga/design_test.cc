#include "fpga/design.h"

#include <gtest/gtest.h>
#include <stdlib.h>

#include <algorithm>
#include <filesystem>

#include "base/error.h"
#include "base/files.h"

namespace subbyte {
namespace {

/// A folder of modules: subbyte_array needs pe, pe needs leaf; other is needed by none, its name in comments aside.
class Design : public testing::Test {
 protected:
  void SetUp() override {
    std::string name = (std::filesystem::temp_directory_path() / "subbyte-design-XXXXXX").string();
    ASSERT_NE(mkdtemp(name.data()), nullptr);
    rtl_ = name;
    write_file(rtl_ + "/subbyte_array.sv", "module subbyte_array; // not other\npe p(); endmodule\n");
    write_file(rtl_ + "/pe.sv", "module pe; leaf #(.X(1)) l(); endmodule\n");
    write_file(rtl_ + "/leaf.sv", "module leaf; endmodule\n");
    write_file(rtl_ + "/other.sv", "module other; endmodule\n");
    options_.array = array_config(Format::parse("w4a4g4"), 4, Placement::sorted, 8, 16);
  }
  void TearDown() override { std::filesystem::remove_all(rtl_); }

  std::vector<std::string> names() const {
    std::vector<std::string> found;
    for (const DesignFile& file : make_design(options_, rtl_)) found.push_back(file.name);
    return found;
  }

  std::string rtl_;
  DesignOptions options_;
};

TEST_F(Design, HoldsWhatTheTopNeeds) {
  EXPECT_EQ(names(), (std::vector<std::string>{"subbyte_design_parameters.svh", "subbyte_design.sv", "leaf.sv", "pe.sv",
                                               "subbyte_array.sv", "files.f"}));
  const std::vector<DesignFile> files = make_design(options_, rtl_);
  EXPECT_EQ(files.back().text, "subbyte_design.sv\nleaf.sv\npe.sv\nsubbyte_array.sv\n");
  for (const char* line : {"ROWS = 8;", "COLS = 16;", "A_BITS = 5;", "B_BITS = 4;", "A_SIGNED = 1;", "NG = 4;", "NG_B = 1;",
                           "ACC_BITS = 24;", "PLACEMENT = 3;", "STYLE = 0;"})
    EXPECT_NE(files[0].text.find(line), std::string::npos) << line;
  for (const char* port : {"input wire [39:0] a,", "input wire [15:0] a_shift,", "input wire [63:0] b,",
                           "input wire [15:0] b_shift,", "output wire [383:0] sum\n"})
    EXPECT_NE(files[1].text.find(port), std::string::npos) << port << files[1].text;
}

TEST_F(Design, RefusesWhatCannotBe) {
  std::filesystem::remove(rtl_ + "/leaf.sv");
  EXPECT_THROW(names(), Error);
  write_file(rtl_ + "/leaf.sv", "module leaf; endmodule\n");
  options_.name = "8bit";
  EXPECT_THROW(names(), UsageError);
  options_.name = "pe";  // a module's
  EXPECT_THROW(names(), UsageError);
  options_.name = "top";
  options_.ports = Ports::axi;  // no subbyte_top here
  EXPECT_THROW(names(), Error);
  options_.ports = Ports::array;
  options_.array.acc_bits = 8;
  EXPECT_THROW(names(), UsageError);
  EXPECT_THROW(make_design(DesignOptions{}, rtl_ + "/missing"), Error);
  EXPECT_THROW(parse_logic_style("fast"), UsageError);
  EXPECT_THROW(parse_ports("wires"), UsageError);
}

TEST(Reduced, LongestSumOfAnAccumulator) {
  ArrayConfig c;
  c.a_bits = c.b_bits = 4;
  c.ng_b = 1;
  require_reduced(c, 16383);  // int4, four groups, 24 bits
  try {
    require_reduced(c, 16384);
    FAIL() << "expected an error";
  } catch (const UsageError& e) {
    EXPECT_NE(std::string(e.what()).find("found 16384, expected at most 16383"), std::string::npos) << e.what();
    EXPECT_NE(std::string(e.what()).find("25 bits hold them"), std::string::npos) << e.what();
  }
  c.acc_bits = 25;
  require_reduced(c, 16384);
}

}  // namespace
}  // namespace subbyte

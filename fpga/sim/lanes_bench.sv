// The edge lanes: range and shift of a block into the quantizer, the random numbers, and dequantizers for three widths of a sum.
module lanes_bench (
    input         clk,
    input         valid,
    input         first,
    input  [15:0] z,
    input  [14:0] limit,
    input  [2:0]  most,
    input  [3:0]  n,
    input  [14:0] multiplier,
    input  [3:0]  fraction,
    input         stochastic,
    input  [7:0]  random,        // of the element that leaves block_range now (range_valid)
    output        range_valid,
    output        code_valid,
    output [8:0]  q,
    output [8:0]  q_plain,
    output [2:0]  e,
    input         start,
    input [127:0] counter,
    input  [63:0] key,
    output        done,
    output [127:0] words,
    input         sum_valid,
    input  [31:0] sum,
    input  [4:0]  t,
    output        y_valid,
    output [15:0] y24,
    output [15:0] y28,
    output [15:0] y32
);
  wire signed [15:0] z_range;
  wire [2:0] e_range;
  block_range #(.MOST(7)) range (
      .clk(clk), .valid(valid), .first(first), .z(z), .limit(limit), .most(most), .valid_out(range_valid), .z_out(z_range),
      .e(e_range)
  );
  quantizer #(.E(3), .STYLE(1)) mapped (
      .clk(clk), .valid(range_valid), .z(z_range), .limit(limit), .n(n), .e(e_range), .multiplier(multiplier),
      .fraction(fraction), .stochastic(stochastic), .random(random), .valid_out(code_valid), .q(q), .e_out(e)
  );
  quantizer #(.E(3), .STYLE(0)) plain (
      .clk(clk), .valid(range_valid), .z(z_range), .limit(limit), .n(n), .e(e_range), .multiplier(multiplier),
      .fraction(fraction), .stochastic(stochastic), .random(random), .valid_out(), .q(q_plain), .e_out()
  );
  philox generator (.clk(clk), .start(start), .counter(counter), .key(key), .done(done), .words(words));
  dequantizer #(.ACC_BITS(24)) lane24 (.clk(clk), .valid(sum_valid), .sum(sum[23:0]), .t(t), .valid_out(y_valid), .y(y24));
  dequantizer #(.ACC_BITS(28)) lane28 (.clk(clk), .valid(sum_valid), .sum(sum[27:0]), .t(t), .valid_out(), .y(y28));
  dequantizer #(.ACC_BITS(32)) lane32 (.clk(clk), .valid(sum_valid), .sum(sum), .t(t), .valid_out(), .y(y32));
endmodule

// What stands between int16 streams and an array of COLS columns: one quantizing lane (range of a block, code), the random
// numbers of its stochastic rounding, and LANES dequantizers that take the columns of a row of sums in turn.
//
// A quantizing lane makes a code a cycle; the array uses each code at least COLS kh kw times, so one lane is enough for
// convolutions (docs/fpga.md, "Edge lanes"). COLS / LANES cycles take a row of sums; `next_row` then moves the array's drain.
// The memories between (codes, 256 random bytes, streams) are the design's.
module edge_lanes #(
    parameter COLS = 8,
    parameter ACC_BITS = 24,
    parameter LANES = 2,
    parameter E = 2,
    parameter STYLE = 0,
    localparam TURNS = COLS / LANES,
    localparam T = TURNS > 1 ? $clog2(TURNS) : 1
) (
    input                      clk,
    // int16 elements in blocks of 16, codes out
    input                      valid,
    input                      first,
    input  [15:0]              z,
    input  [14:0]              limit,
    input  [E-1:0]             most,
    input  [3:0]               n,
    input  [14:0]              multiplier,
    input  [3:0]               fraction,
    input                      stochastic,
    input  [7:0]               random,
    output                     random_taken,
    output                     code_valid,
    output [8:0]               code,
    output [E-1:0]             e,
    // random numbers
    input                      start,
    input  [127:0]             counter,
    input  [63:0]              key,
    output                     words_valid,
    output [127:0]             words,
    // sums in, int16 elements out
    input                      drain,      // a row of sums stands at `sum`
    input  [COLS*ACC_BITS-1:0] sum,
    input  [4:0]               t,
    output                     next_row,   // the row's last turn
    output                     y_valid,
    output [LANES*16-1:0]      y           // column turn * LANES + lane
);
  wire [15:0] z_ranged;
  wire [E-1:0] e_ranged;
  block_range #(.MOST((1 << E) - 1)) range (
      .clk(clk), .valid(valid), .first(first), .z(z), .limit(limit), .most(most), .valid_out(random_taken), .z_out(z_ranged),
      .e(e_ranged)
  );
  quantizer #(.E(E), .STYLE(STYLE)) quantize (
      .clk(clk), .valid(random_taken), .z(z_ranged), .limit(limit), .n(n), .e(e_ranged), .multiplier(multiplier),
      .fraction(fraction), .stochastic(stochastic), .random(random), .valid_out(code_valid), .q(code), .e_out(e)
  );
  philox generator (.clk(clk), .start(start), .counter(counter), .key(key), .done(words_valid), .words(words));

  reg [T-1:0] turn = 0;
  assign next_row = drain && turn == TURNS - 1;
  always @(posedge clk) if (drain) turn <= next_row ? 0 : turn + 1;
  for (genvar i = 0; i < LANES; i = i + 1) begin : lane
    wire [ACC_BITS-1:0] mine[TURNS];
    wire lane_valid;
    for (genvar j = 0; j < TURNS; j = j + 1) begin : column
      assign mine[j] = sum[(j*LANES+i)*ACC_BITS+:ACC_BITS];
    end
    dequantizer #(.ACC_BITS(ACC_BITS)) dequantize (
        .clk(clk), .valid(drain), .sum(mine[turn]), .t(t), .valid_out(lane_valid), .y(y[i*16+:16])
    );
    if (i == 0) assign y_valid = lane_valid;
  end
endmodule

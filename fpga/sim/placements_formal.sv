// For yosys' sat: four arrays of one cell, one for each way to the sum, and the sum itself. Operands are free in every cycle and
// may be absent; shifts fall from S = 2 to 0, with a step between. After the last sum has arrived all are equal, for all operands.
module placements_formal #(
    parameter A = 3,
    parameter B = 3,
    parameter ACC = 8,
    parameter STYLE = 0
) (
    input         clk,
    input [A-1:0] a,
    input [B-1:0] b,
    input         valid
);
  reg [3:0] t = 0;
  always @(posedge clk) if (t != 15) t <= t + 1;
  // Cycles 0, 1: shift 2; 2: step; 3, 4: shift 1; 5: step; 6, 7: shift 0; from then on nothing.
  wire step = t == 2 || t == 5;
  wire [1:0] shift = t < 2 ? 2 : t < 5 ? 1 : 0;
  // -2^(A-1) is not a code of a.
  wire feed = valid && !step && t < 8 && a != (1 << (A - 1));

  wire [ACC-1:0] plain, barrel, edged, sorted;
  wire [A+1:0] wide = {{2{a[A-1]}}, a} << shift;
  subbyte_array #(.ROWS(1), .COLS(1), .A_BITS(A + 2), .B_BITS(B), .NG(1), .ACC_BITS(ACC), .PLACEMENT(0), .STYLE(STYLE)) none_array (
      .clk(clk), .a(wide), .a_shift(1'b0), .b(b), .b_shift(1'b0), .valid(feed), .step(1'b0), .drain(1'b0), .sum(plain));
  subbyte_array #(.ROWS(1), .COLS(1), .A_BITS(A), .B_BITS(B), .NG(3), .ACC_BITS(ACC), .PLACEMENT(1), .STYLE(STYLE)) barrel_array (
      .clk(clk), .a(a), .a_shift(shift), .b(b), .b_shift(1'b0), .valid(feed), .step(1'b0), .drain(1'b0), .sum(barrel));
  subbyte_array #(.ROWS(1), .COLS(1), .A_BITS(A), .B_BITS(B), .NG(3), .ACC_BITS(ACC), .PLACEMENT(2), .STYLE(STYLE)) edge_array (
      .clk(clk), .a(a), .a_shift(shift), .b(b), .b_shift(1'b0), .valid(feed), .step(1'b0), .drain(1'b0), .sum(edged));
  subbyte_array #(.ROWS(1), .COLS(1), .A_BITS(A), .B_BITS(B), .NG(3), .ACC_BITS(ACC), .PLACEMENT(3), .STYLE(STYLE)) sorted_array (
      .clk(clk), .a(a), .a_shift(2'b0), .b(b), .b_shift(1'b0), .valid(feed), .step(step), .drain(1'b0), .sum(sorted));

  reg signed [ACC-1:0] exact = 0;
  wire signed [A+1:0] value = wide;
  wire signed [B-1:0] weight = b;
  always @(posedge clk) if (feed) exact <= exact + value * weight;

  always @* if (t == 11) begin
    assert (plain == exact);
    assert (barrel == exact);
    assert (edged == exact);
    assert (sorted == exact);
  end
endmodule

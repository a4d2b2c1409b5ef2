// Third pass of a normalization, L1 and L2 alike, one element a cycle, bit for bit kernels/norm's forward with 8 bits:
//
//   t = clamp(y - mu, low, high) 2^k;   q = (t + 128) >> 8;   z = ((256 q scale + 2^14) >> 15) + offset, then ReLU
//
// Rounding of the product is one bit of it: ((q scale + 64) >> 7) = (q scale >> 7) + bit 6. Results are there three cycles after
// `valid`.
module norm_apply #(
    parameter STYLE = 0  // 0 plain, 1 hand-mapped
) (
    input                    clk,
    input                    valid,
    input signed      [15:0] y,
    input signed      [15:0] mu,
    input signed      [15:0] low,
    input signed      [15:0] high,
    input             [ 3:0] k,
    input signed      [15:0] scale,   // not -2^15
    input signed      [15:0] offset,
    input                    relu,
    output reg signed [ 7:0] q,
    output reg signed [15:0] z,
    output reg               out_valid
);
  reg [1:0] valids = 0;
  reg signed [15:0] d = 0;
  reg signed [7:0] code = 0;
  initial begin
    q = 0; z = 0; out_valid = 0;
  end

  wire signed [15:0] bound = d[15] ? low : high;  // low is below 0, high is not
  // Of two numbers of one sign, d + ~bound carries where d > bound; d + ~bound + 1 does not where d < bound.
  wire [15:0] gap = {1'b0, d[14:0]} + {1'b0, ~bound[14:0]} + d[15];
  wire signed [15:0] clamped = gap[15] != d[15] ? bound : d;
  wire signed [15:0] t = clamped << k;
  wire signed [23:0] product;
  if (STYLE == 0) begin : plain
    assign product = code * scale;
  end else begin : mapped
    booth_multiplier #(.XW(16), .YW(8)) multiplier (.x(scale), .y(code), .p(product[22:0]));
    assign product[23] = product[22];
  end
  wire signed [16:0] scaled = product[23:7], offset_wide = offset, sum;
  if (STYLE == 0) begin : plain_sum
    assign sum = scaled + offset_wide + $signed({1'b0, product[6]});
  end else begin : mapped_sum
    carry_chain #(.W(17)) adder (.s(scaled ^ offset_wide), .di(scaled), .ci(product[6]), .o(sum), .co());
  end

  always @(posedge clk) begin
    {out_valid, valids} <= {valids, valid};
    d <= y - mu;
    code <= (t + 16'sd128) >>> 8;
    z <= relu && sum[16] ? 16'd0 : sum[15:0];
    q <= code;
  end
endmodule

// The epilogue of a product (src/kernels/conv/conv.h): a sum becomes an element of an int16 stream.
//
//   y = clamp((sum + 2^(t-1)) >> t, +-16383)      t = 0: the sum itself
//
// One sum a cycle, two cycles. t is 0 to 31.
module dequantizer #(
    parameter ACC_BITS = 24
) (
    input                       clk,
    input                       valid,
    input signed [ACC_BITS-1:0] sum,
    input  [4:0]                t,
    output                      valid_out,
    output reg signed [15:0]    y
);
  reg [1:0] valids = 0;
  always @(posedge clk) valids <= {valids[0], valid};
  assign valid_out = valids[1];

  // 1. shift, keeping the bit below; coarse choices last, where the bits above only say whether the result fits
  wire signed [ACC_BITS:0] u = {sum, 1'b0};
  wire signed [ACC_BITS:0] u1 = (t[1:0] == 0) ? u : (t[1:0] == 1) ? u >>> 1 : (t[1:0] == 2) ? u >>> 2 : u >>> 3;
  wire signed [ACC_BITS:0] u2 = (t[3:2] == 0) ? u1 : (t[3:2] == 1) ? u1 >>> 4 : (t[3:2] == 2) ? u1 >>> 8 : u1 >>> 12;
  wire signed [ACC_BITS:0] u3 = t[4] ? u2 >>> 16 : u2;
  reg signed [15:0] w = 0;
  reg over = 0, negative = 0;
  always @(posedge clk) begin
    w <= u3[15:0];
    negative <= sum[ACC_BITS-1];
    over <= u3[ACC_BITS:15] != {(ACC_BITS - 14) {sum[ACC_BITS-1]}};
  end

  // 2. round and clamp
  wire signed [15:0] rounded = (w >>> 1) + $signed({1'b0, w[0]});
  wire beyond = over || rounded == 16384 || rounded == -16384;
  initial y = 0;
  always @(posedge clk) y <= beyond ? (negative ? -16'sd16383 : 16'sd16383) : rounded;
endmodule

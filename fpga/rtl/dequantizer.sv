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

  // 1. shift, coarse steps first, keeping the bit below; what the fine steps would bring to bit 15 and above must be the sign
  wire signed [ACC_BITS:0] u = {sum, 1'b0};
  wire signed [ACC_BITS:0] u1 = (t[4:3] == 0) ? u : (t[4:3] == 1) ? u >>> 8 : (t[4:3] == 2) ? u >>> 16 : u >>> 24;
  wire [17:0] u2 = (t[2:1] == 0) ? u1[17:0] : (t[2:1] == 1) ? u1[19:2] : (t[2:1] == 2) ? u1[21:4] : {{2{sum[ACC_BITS-1]}}, u1[21:6]};
  reg signed [15:0] w = 0;
  reg over = 0, negative = 0;
  wire [ACC_BITS:15] wrong;
  for (genvar i = 15; i <= ACC_BITS; i = i + 1) begin : upper
    assign wrong[i] = (u1[i] ^ sum[ACC_BITS-1]) && (i >= 22 || t[2:0] <= i - 15);
  end
  always @(posedge clk) begin
    w <= t[0] ? u2[16:1] : u2[15:0];
    negative <= sum[ACC_BITS-1];
    over <= |wrong;
  end

  // 2. round and clamp
  wire signed [15:0] rounded = (w >>> 1) + $signed({1'b0, w[0]});
  wire beyond = over || rounded == 16384 || rounded == -16384;
  initial y = 0;
  always @(posedge clk) y <= beyond ? (negative ? -16'sd16383 : 16'sd16383) : rounded;
endmodule

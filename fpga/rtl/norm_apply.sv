// Third pass of a normalization, L1 and L2 alike, one element a cycle, bit for bit kernels/norm's forward with 8 bits:
//
//   t = clamp(y - mu, +-limit) 2^k;   q = (t + 128) >> 8;   z = ((256 q scale + 2^14) >> 15) + offset, then ReLU
//
// Results are there four cycles after `valid`.
module norm_apply #(
    parameter STYLE = 0  // 0 plain, 1 hand-mapped
) (
    input                    clk,
    input                    valid,
    input signed      [15:0] y,
    input signed      [15:0] mu,
    input             [14:0] limit,
    input             [ 3:0] k,
    input signed      [15:0] scale,   // not -2^15
    input signed      [15:0] offset,
    input                    relu,
    output reg signed [ 7:0] q,
    output reg signed [15:0] z,
    output reg               out_valid
);
  reg [2:0] valids = 0;
  reg signed [15:0] d = 0;
  reg signed [7:0] code = 0, code_next = 0;
  reg signed [16:0] scaled = 0;
  initial begin
    q = 0; z = 0; out_valid = 0;
  end

  wire signed [16:0] bound = {2'b0, limit};
  wire signed [15:0] clamped = d > bound ? bound[15:0] : d < -bound ? -bound[15:0] : d;
  wire signed [15:0] t = clamped << k;
  wire signed [23:0] product;
  if (STYLE == 0) begin : plain
    assign product = code * scale;
  end else begin : mapped
    booth_multiplier #(.XW(16), .YW(8)) multiplier (.x(scale), .y(code), .p(product[22:0]));
    assign product[23] = product[22];
  end
  wire signed [23:0] rounded = product + 24'sd64;
  wire signed [16:0] sum = scaled + offset;

  always @(posedge clk) begin
    {out_valid, valids} <= {valids, valid};
    d <= y - mu;
    code <= (t + 16'sd128) >>> 8;
    scaled <= rounded >>> 7;
    code_next <= code;
    z <= relu && sum[16] ? 16'd0 : sum[15:0];
    q <= code_next;
  end
endmodule

// One cell of the baseline: p = a b in FP16 (or exact, for an FP32 sum), acc = acc + p, drain as in pe_int.
module pe_fp16 #(
    parameter WIDE = 0,      // 1: FP32 sums
    parameter STYLE = 0,
    localparam W = WIDE ? 32 : 16
) (
    input              clk,
    input      [15:0]  a_in,
    input      [15:0]  b_in,
    input              drain,
    input      [W-1:0] north,
    output reg [15:0]  a_out,
    output reg [15:0]  b_out,
    output reg [W-1:0] acc
);
  wire [W-1:0] product, sum;
  wire product_zero, sum_zero;
  reg [W-1:0] p = 0;
  fp16_multiply #(.WIDE(WIDE), .STYLE(STYLE)) multiply (.x(a_in), .y(b_in), .z(product), .flush(product_zero));
  fp_add #(.EW(WIDE ? 8 : 5), .MW(WIDE ? 23 : 10), .STYLE(STYLE)) add (.x(acc), .y(p), .z(sum), .flush(sum_zero));

  initial begin
    a_out = 0; b_out = 0; acc = 0;
  end
  always @(posedge clk) begin
    a_out <= a_in;
    b_out <= b_in;
    p <= product_zero ? 0 : product;
    acc <= drain ? north : sum_zero ? 0 : sum;
  end
endmodule

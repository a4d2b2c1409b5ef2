// The baseline: the same output-stationary array, edges, skew and drain as subbyte_array, with FP16 operands and cells of pe_fp16.
module fp16_array #(
    parameter ROWS = 8,
    parameter COLS = 8,
    parameter WIDE = 0,      // 1: FP32 sums
    parameter STYLE = 0,     // 0 plain, 1 hand-mapped for Xilinx 7
    localparam W = WIDE ? 32 : 16
) (
    input                clk,
    input  [ROWS*16-1:0] a,
    input  [COLS*16-1:0] b,
    input                valid,
    input                drain,
    output [COLS*W-1:0]  sum
);
  reg [ROWS*16-1:0] a_edge = 0;
  reg [COLS*16-1:0] b_edge = 0;
  wire [ROWS*16-1:0] a_skewed;
  wire [COLS*16-1:0] b_skewed;
  always @(posedge clk) begin
    a_edge <= valid ? a : 0;
    b_edge <= valid ? b : 0;
  end
  skew #(.LANES(ROWS), .W(16)) skew_a (.clk(clk), .d(a_edge), .q(a_skewed));
  skew #(.LANES(COLS), .W(16)) skew_b (.clk(clk), .d(b_edge), .q(b_skewed));

  for (genvar m = 0; m < ROWS; m = m + 1) begin : row
    for (genvar n = 0; n < COLS; n = n + 1) begin : column
      wire [15:0] a_here, a_next, b_here, b_next;
      wire [W-1:0] north, acc;
      if (n == 0) assign a_here = a_skewed[m*16+:16];
      else assign a_here = row[m].column[n-1].a_next;
      if (m == 0) begin : north_edge
        assign b_here = b_skewed[n*16+:16];
        assign north = 0;
      end else begin : north_cell
        assign b_here = row[m-1].column[n].b_next;
        assign north = row[m-1].column[n].acc;
      end
      pe_fp16 #(.WIDE(WIDE), .STYLE(STYLE)) pe (
          .clk(clk), .a_in(a_here), .b_in(b_here), .drain(drain), .north(north), .a_out(a_next), .b_out(b_next), .acc(acc)
      );
      if (m == ROWS - 1) assign sum[n*W+:W] = acc;
    end
  end
endmodule

// The output-stationary array of ShiftQuant's products (docs/method.md, section 3):
//
//   sum[m][n] = sum over k of ((a[m][k] << a_shift[m][k]) * (b[k][n] << b_shift[k][n]))   modulo 2^ACC_BITS
//
// fpga/README.md is the contract of parameters, ports and cycles.
module subbyte_array #(
    parameter ROWS = 8,
    parameter COLS = 8,
    parameter A_BITS = 4,
    parameter B_BITS = 4,
    parameter A_SIGNED = 1,
    parameter NG = 4,
    parameter NG_B = 1,
    parameter ACC_BITS = 24,
    parameter PLACEMENT = 3,  // 0 none, 1 barrel, 2 edge, 3 sorted
    parameter STYLE = 0,      // 0 plain, 1 hand-mapped for Xilinx 7, 2 DSP48E1
    localparam SA = NG > 2 ? $clog2(NG) : 1,
    localparam SB = NG_B > 2 ? $clog2(NG_B) : 1
) (
    input                      clk,
    input  [ROWS*A_BITS-1:0]   a,
    input  [ROWS*SA-1:0]       a_shift,
    input  [COLS*B_BITS-1:0]   b,
    input  [COLS*SB-1:0]       b_shift,
    input                      valid,
    input                      step,
    input                      drain,
    output [COLS*ACC_BITS-1:0] sum
);
  localparam EDGE = PLACEMENT == 2;
  // Inside, operands are signed and carry the edge's shift.
  localparam AW = A_BITS + (A_SIGNED ? 0 : 1) + (EDGE ? NG - 1 : 0);
  localparam BW = B_BITS + (EDGE ? NG_B - 1 : 0);

  wire [ROWS*AW-1:0] a_edge;
  wire [COLS*BW-1:0] b_edge;
  wire [ROWS*SA-1:0] a_shift_edge;
  wire [COLS*SB-1:0] b_shift_edge;
  reg step_edge = 0;
  always @(posedge clk) step_edge <= PLACEMENT == 3 ? step : 0;

  for (genvar m = 0; m < ROWS; m = m + 1) begin : row_edge
    operand_edge #(
        .BITS(A_BITS), .SIGNED(A_SIGNED), .GROUPS(NG), .S(SA), .SHIFT_HERE(EDGE), .SHIFT_PASSES(PLACEMENT == 1), .W(AW)
    ) lane (
        .clk(clk), .valid(valid), .code(a[m*A_BITS+:A_BITS]), .shift(a_shift[m*SA+:SA]),
        .operand(a_edge[m*AW+:AW]), .shift_out(a_shift_edge[m*SA+:SA])
    );
  end
  for (genvar n = 0; n < COLS; n = n + 1) begin : column_edge
    operand_edge #(
        .BITS(B_BITS), .SIGNED(1), .GROUPS(NG_B), .S(SB), .SHIFT_HERE(EDGE), .SHIFT_PASSES(PLACEMENT == 1), .W(BW)
    ) lane (
        .clk(clk), .valid(valid), .code(b[n*B_BITS+:B_BITS]), .shift(b_shift[n*SB+:SB]),
        .operand(b_edge[n*BW+:BW]), .shift_out(b_shift_edge[n*SB+:SB])
    );
  end

  if (STYLE != 2) begin : tables
    wire [ROWS*AW-1:0] a_skewed;
    wire [COLS*BW-1:0] b_skewed;
    wire [ROWS*SA-1:0] a_shift_skewed;
    wire [COLS*SB-1:0] b_shift_skewed;
    wire [ROWS-1:0] step_skewed;
    skew #(.LANES(ROWS), .W(AW)) skew_a (.clk(clk), .d(a_edge), .q(a_skewed));
    skew #(.LANES(COLS), .W(BW)) skew_b (.clk(clk), .d(b_edge), .q(b_skewed));
    skew #(.LANES(ROWS), .W(SA)) skew_sa (.clk(clk), .d(a_shift_edge), .q(a_shift_skewed));
    skew #(.LANES(COLS), .W(SB)) skew_sb (.clk(clk), .d(b_shift_edge), .q(b_shift_skewed));
    skew #(.LANES(ROWS), .W(1)) skew_step (.clk(clk), .d({ROWS{step_edge}}), .q(step_skewed));

    for (genvar m = 0; m < ROWS; m = m + 1) begin : row
      for (genvar n = 0; n < COLS; n = n + 1) begin : column
        wire [AW-1:0] a_here, a_next;
        wire [BW-1:0] b_here, b_next;
        wire [SA-1:0] a_shift_here, a_shift_next;
        wire [SB-1:0] b_shift_here, b_shift_next;
        wire [ACC_BITS-1:0] north, acc;
        wire step_here, step_next;
        if (n == 0) begin : west_edge
          assign a_here = a_skewed[m*AW+:AW];
          assign a_shift_here = a_shift_skewed[m*SA+:SA];
          assign step_here = step_skewed[m];
        end else begin : west
          assign a_here = row[m].column[n-1].a_next;
          assign a_shift_here = row[m].column[n-1].a_shift_next;
          assign step_here = row[m].column[n-1].step_next;
        end
        if (m == 0) begin : north_edge
          assign b_here = b_skewed[n*BW+:BW];
          assign b_shift_here = b_shift_skewed[n*SB+:SB];
          assign north = 0;
        end else begin : north_cell
          assign b_here = row[m-1].column[n].b_next;
          assign b_shift_here = row[m-1].column[n].b_shift_next;
          assign north = row[m-1].column[n].acc;
        end
        pe_int #(
            .A_BITS(AW), .B_BITS(BW), .SA(SA), .SB(SB), .NG(NG), .NG_B(NG_B), .ACC_BITS(ACC_BITS), .PLACEMENT(PLACEMENT),
            .STYLE(STYLE)
        ) pe (
            .clk(clk), .a_in(a_here), .a_shift_in(a_shift_here), .step_in(step_here), .b_in(b_here),
            .b_shift_in(b_shift_here), .drain(drain), .north(north), .a_out(a_next), .a_shift_out(a_shift_next),
            .step_out(step_next), .b_out(b_next), .b_shift_out(b_shift_next), .acc(acc)
        );
        if (m == ROWS - 1) assign sum[n*ACC_BITS+:ACC_BITS] = acc;
      end
    end
  end else begin : dsp
    dsp_array #(.ROWS(ROWS), .COLS(COLS), .AW(AW), .BW(BW), .ACC_BITS(ACC_BITS)) cells (
        .clk(clk), .a(a_edge), .b(b_edge), .step(step_edge), .drain(drain), .sum(sum)
    );
  end
endmodule

// The array's cells out of DSP48E1 slices, fed with what the edges hold. A slice keeps the product in M and the sum in P:
//
//   accumulate  P = P + M        step  P = P + P        drain  P = PCIN, the northern neighbour's P
//
// One slice does the sums of two rows where they fit: operands of at most 5 bits, L = 25 - AW bits apart, sums of at most L bits:
//
//   M = (hi 2^L + lo) b,   P = sum_hi 2^L + sum_lo
//
// A sum_lo that outgrows L bits at the end spoils sum_hi (elsewhere sums wrap). A row leaves in every cycle of drain all the same.
module dsp_array #(
    parameter ROWS = 8,
    parameter COLS = 8,
    parameter AW = 8,
    parameter BW = 8,
    parameter ACC_BITS = 32,
    localparam PAIR = ROWS % 2 == 0 && AW <= 5 && ACC_BITS <= 25 - AW ? 1 : 0,
    localparam LINES = PAIR ? ROWS / 2 : ROWS,
    localparam LW = PAIR ? 2 * AW : AW
) (
    input                      clk,
    input  [ROWS*AW-1:0]       a,
    input  [COLS*BW-1:0]       b,
    input                      step,
    input                      drain,
    output [COLS*ACC_BITS-1:0] sum
);
  localparam LOW = 25 - AW;
  wire [LINES*LW-1:0] a_skewed;
  wire [COLS*BW-1:0] b_skewed;
  wire [LINES-1:0] step_skewed, add_skewed;
  skew #(.LANES(LINES), .W(LW)) skew_a (.clk(clk), .d(a), .q(a_skewed));
  skew #(.LANES(COLS), .W(BW)) skew_b (.clk(clk), .d(b), .q(b_skewed));
  skew #(.LANES(LINES), .W(1)) skew_step (.clk(clk), .d({LINES{step}}), .q(step_skewed));
  assign add_skewed = ~step_skewed;

  // A pair's two rows leave one after the other: the slices move every second cycle of drain.
  reg second = 0;
  always @(posedge clk) if (PAIR) second <= drain ? ~second : second;
  wire move = PAIR ? drain && second : drain;
  wire hold = ~move;

  for (genvar m = 0; m < LINES; m = m + 1) begin : line
    for (genvar n = 0; n < COLS; n = n + 1) begin : column
      wire [LW-1:0] a_here, a_next;
      wire [BW-1:0] b_here, b_next;
      wire step_here, step_next, add_here, add_next;
      wire [47:0] p, cascade_in, cascade_out;
      if (n == 0) begin : west_edge
        assign a_here = a_skewed[m*LW+:LW];
        assign step_here = step_skewed[m];
        assign add_here = add_skewed[m];
      end else begin : west
        assign a_here = line[m].column[n-1].a_next;
        assign step_here = line[m].column[n-1].step_next;
        assign add_here = line[m].column[n-1].add_next;
      end
      if (m == 0) begin : north_edge
        assign b_here = b_skewed[n*BW+:BW];
        assign cascade_in = 0;
      end else begin : north_cell
        assign b_here = line[m-1].column[n].b_next;
        assign cascade_in = line[m-1].column[n].cascade_out;
      end
      pe_dsp #(.AW(AW), .BW(BW), .PAIR(PAIR), .LOW(LOW)) pe (
          .clk(clk), .a_in(a_here), .step_in(step_here), .add_in(add_here), .b_in(b_here), .drain(move), .hold(hold), .cascade_in(cascade_in),
          .a_out(a_next), .step_out(step_next), .add_out(add_next), .b_out(b_next), .p(p), .cascade_out(cascade_out)
      );
      if (m == LINES - 1) begin : south
        if (PAIR) begin : unpack
          // P = hi 2^L + lo: a negative lo has borrowed 1 from hi.
          wire [ACC_BITS-1:0] low = {{(ACC_BITS - LOW) {p[LOW-1]}}, p[LOW-1:0]};
          wire [ACC_BITS-1:0] high = p[LOW+:ACC_BITS];
          wire [ACC_BITS-1:0] chosen = second ? low : high;
          carry_chain #(.W(ACC_BITS)) borrow (
              .s(chosen), .di({ACC_BITS{1'b0}}), .ci(!second && p[LOW-1]), .o(sum[n*ACC_BITS+:ACC_BITS]), .co()
          );
        end else assign sum[n*ACC_BITS+:ACC_BITS] = p[ACC_BITS-1:0];
      end
    end
  end
endmodule

// Multiplier and adder of the FP16 baseline, both formats of the sum, plain and mapped, and an array of each.
module fp_bench (
    input             clk,
    input      [15:0] x,
    input      [15:0] y,
    input      [31:0] u,
    input      [31:0] v,
    output     [15:0] product16,
    output     [31:0] product32,
    output     [15:0] sum16,
    output     [31:0] sum32,
    output            styles_differ,
    input      [63:0] a,             // 4 rows, 3 columns
    input      [47:0] b,
    input             valid,
    input             drain,
    output     [47:0] array16,
    output     [95:0] array32
);
  wire [15:0] p16[2], s16[2];
  wire [31:0] p32[2], s32[2];
  wire [47:0] a16[2];
  wire [95:0] a32[2];
  for (genvar i = 0; i < 2; i = i + 1) begin : style
    wire f0, f1, f2, f3;
    wire [15:0] z0, z2;
    wire [31:0] z1, z3;
    fp16_multiply #(.WIDE(0), .STYLE(i)) m16 (.x(x), .y(y), .z(z0), .flush(f0));
    fp16_multiply #(.WIDE(1), .STYLE(i)) m32 (.x(x), .y(y), .z(z1), .flush(f1));
    fp_add #(.EW(5), .MW(10), .STYLE(i)) add16 (.x(u[15:0]), .y(v[15:0]), .z(z2), .flush(f2));
    fp_add #(.EW(8), .MW(23), .STYLE(i)) add32 (.x(u), .y(v), .z(z3), .flush(f3));
    assign p16[i] = f0 ? 0 : z0;
    assign p32[i] = f1 ? 0 : z1;
    assign s16[i] = f2 ? 0 : z2;
    assign s32[i] = f3 ? 0 : z3;
    fp16_array #(.ROWS(4), .COLS(3), .WIDE(0), .STYLE(i)) narrow (.clk(clk), .a(a), .b(b), .valid(valid), .drain(drain), .sum(a16[i]));
    fp16_array #(.ROWS(4), .COLS(3), .WIDE(1), .STYLE(i)) wide (.clk(clk), .a(a), .b(b), .valid(valid), .drain(drain), .sum(a32[i]));
  end
  assign product16 = p16[1];
  assign product32 = p32[1];
  assign sum16 = s16[1];
  assign sum32 = s32[1];
  assign array16 = a16[1];
  assign array32 = a32[1];
  assign styles_differ = p16[0] != p16[1] || p32[0] != p32[1] || s16[0] != s16[1] || s32[0] != s32[1] || a16[0] != a16[1] || a32[0] != a32[1];
endmodule

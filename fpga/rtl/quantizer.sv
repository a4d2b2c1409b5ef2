// A code of ShiftQuant (src/kernels/quantize/quantize.h), one element a cycle:
//
//   v = (clamp(z, limit) 2^(n+e) multiplier + 2^14) >> 15                        the grid's value, 2^fraction a code
//   nearest     q = round half even (v / 2^fraction)
//   stochastic  q = (v + (random >> (8 - fraction))) >> fraction                 random: 8 uniform bits, fraction 6 to 8
//
// pow2 of the kernel is 2^n. The stored code is q 2^(S-e): S - e goes to the array as the operand's shift. Four cycles.
module quantizer #(
    parameter E = 2,
    parameter STYLE = 0
) (
    input                clk,
    input                valid,
    input  signed [15:0] z,
    input  [14:0]        limit,
    input  [3:0]         n,
    input  [E-1:0]       e,
    input  [14:0]        multiplier,
    input  [3:0]         fraction,       // 6 to 12
    input                stochastic,
    input  [7:0]         random,         // taken in the cycle of `valid`
    output               valid_out,
    output reg [8:0]     q,
    output reg [E-1:0]   e_out
);
  reg [3:0] valids = 0;
  always @(posedge clk) valids <= {valids[2:0], valid};
  assign valid_out = valids[3];

  // 1. clamp: beyond = |z| > limit, from the carry of limit - |z|; then z, limit or -limit, the last as ~limit + 1
  reg signed [15:0] clamped = 0;
  reg [3:0] shift = 0;
  wire [15:0] limit_wide = {1'b0, limit};
  wire sign = z[15], fits;
  wire [15:0] next;
  carry_chain #(.W(16)) compare (
      .s(limit_wide ^ z ^ {16{~sign}}), .di(limit_wide), .ci(~sign), .o(), .co(fits)
  );
  carry_chain #(.W(16)) choose (
      .s(fits ? z : limit_wide ^ {16{sign}}), .di(16'd0), .ci(sign && !fits), .o(next), .co()
  );
  always @(posedge clk) begin
    clamped <= next;
    shift <= n + {{(4 - E) {1'b0}}, e};
  end

  // 2. 2^(n+e); no bit is lost: limit 2^n < 2^15
  reg signed [15:0] scaled = 0;
  wire [30:0] wide;
  shift_left #(.W(16), .MOST(15), .N(4)) shifter (.x(clamped), .n(shift), .y(wide));
  always @(posedge clk) scaled <= wide[15:0];

  // 3. multiply_high
  wire signed [30:0] product;
  if (STYLE == 0) begin : plain
    assign product = scaled * $signed({1'b0, multiplier});
  end else begin : mapped
    booth_multiplier #(.XW(16), .YW(16)) multiply (.x(scaled), .y({1'b0, multiplier}), .p(product));
  end
  reg signed [16:0] v = 0;      // with one bit below, which the next sum takes as carry
  always @(posedge clk) v <= product[30:14];

  // 4. round; r is what enters below the code, in units of v's last bit
  reg [15:0] randoms = 0;
  reg [7:0] random_now = 0;
  reg [3*E-1:0] shifts = 0;
  always @(posedge clk) begin
    {random_now, randoms} <= {randoms, random};
    shifts <= {shifts[2*E-1:0], e};
  end
  wire [15:0] half = 16'd1 << (fraction - 1);
  wire [7:0] drawn = fraction == 8 ? random_now : fraction == 7 ? random_now >> 1 : random_now >> 2;
  // (v >> 1) + its rounding bit + what enters below the code: one carry chain
  wire signed [16:0] floor1 = v >>> 1;
  wire [16:0] entering = {1'b0, stochastic ? {8'd0, drawn} : half};
  wire signed [16:0] sum;
  carry_chain #(.W(17)) round (.s(floor1 ^ entering), .di(floor1), .ci(v[0]), .o(sum), .co());
  wire [16:0] floor6 = sum >>> 6;
  wire [2:0] more = {fraction[2] ^ fraction[1], ~fraction[1], fraction[0]};  // fraction - 6
  wire signed [16:0] code = $signed(floor6) >>> more;
  wire below = (sum[5:0] == 0) && ((floor6 & ~(17'h1ffff << more)) == 0);  // nothing below the code: a tie
  initial begin
    q = 0;
    e_out = 0;
  end
  always @(posedge clk) begin
    q <= {code[8:1], code[0] & ~(below & ~stochastic)};
    e_out <= shifts[3*E-1-:E];
  end
endmodule

// p = x * y, signed, by Booth's radix-4 recoding (Booth 1951, MacSorley 1961), one row of tables a digit:
//
//   d_j = -2 y[2j+1] + y[2j] + y[2j-1],   r_j = (r_{j-1} >> 2) + d_j x,   p = ... + r_j 4^j
//
// A bit of a row is one six-input table: x[i], x[i-1], the digit's three bits, the row above. The two lowest bits of every
// row are final. x = -2^(XW-1) is not allowed: without it a row fits XW + 1 bits.
module booth_multiplier #(
    parameter XW = 4,
    parameter YW = 4,
    localparam DIGITS = (YW + 1) / 2,
    localparam PW = XW + 2 * DIGITS - 1
) (
    input  [XW-1:0] x,
    input  [YW-1:0] y,
    output [PW-1:0] p
);
  wire [2*DIGITS:0] y_wide = {{(2 * DIGITS - YW) {y[YW-1]}}, y, 1'b0};
  wire [XW:0] x1 = {x[XW-1], x};
  wire [XW:0] x2 = {x, 1'b0};

  for (genvar j = 0; j < DIGITS; j = j + 1) begin : row
    wire [2:0] d = y_wide[2*j+:3];
    wire [XW:0] above, magnitude, o;
    if (j == 0) assign above = 0;
    else assign above = {{2{row[j-1].o[XW]}}, row[j-1].o[XW:2]};
    // |d| x, inverted where d < 0; the missing 1 enters as carry. d = 7 is -0: all ones and the carry.
    assign magnitude = (d[1] ^ d[0]) ? x1 : (d[2] ^ d[1]) ? x2 : {(XW + 1) {1'b0}};
    carry_chain #(.W(XW + 1)) adder (
        .s(magnitude ^ {(XW + 1) {d[2]}} ^ above), .di(above), .ci(d[2]), .o(o), .co()
    );
    if (j < DIGITS - 1) assign p[2*j+:2] = o[1:0];
    else assign p[2*j+:XW+1] = o;
  end
endmodule

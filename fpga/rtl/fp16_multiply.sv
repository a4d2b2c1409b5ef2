// The product of two FP16 numbers (1, 5, 10 bits; bias 15; a zero exponent is zero; no infinity, no NaN: exponent 31 is an
// ordinary one).
//
//   WIDE = 0   FP16, rounded to nearest even; what falls below 2^-14 is +0; above 2^17 it is not defined
//   WIDE = 1   exact, as FP32
//
// Significands are multiplied by booth_multiplier; normalizing (one bit), rounding and the exponent share one carry chain.
module fp16_multiply #(
    parameter WIDE = 0,
    parameter STYLE = 0,     // 0 plain, 1 hand-mapped, 2 the same with the significands' product left to the tool (DSP)
    localparam W = WIDE ? 32 : 16
) (
    input  [15:0]  x,
    input  [15:0]  y,
    output [W-1:0] z,
    output         flush   // the product is zero: z is not
);
  wire sign = x[15] ^ y[15];
  wire zero = (x[14:10] == 0) || (y[14:10] == 0);
  wire [21:0] product;
  if (STYLE != 1) begin : plain
    assign product = {1'b1, x[9:0]} * {1'b1, y[9:0]};
  end else begin : mapped
    wire [22:0] p;
    booth_multiplier #(.XW(12), .YW(12)) multiplier (.x({2'b01, x[9:0]}), .y({2'b01, y[9:0]}), .p(p));
    assign product = p[21:0];
  end
  wire top = product[21];  // the product is in [2, 4)

  if (WIDE) begin : exact
    // ex + ey - 30 + 127 + top
    wire [7:0] exponent;
    if (STYLE == 0) assign exponent = x[14:10] + y[14:10] + 8'd97 + top;
    else begin : mapped_exponent
      // 97 + top = 96 + 1 + top: two carries enter, one beside bit 0 of the constant
      wire [6:0] ex = {2'b11, x[14:10]}, ey = {2'b00, y[14:10]};
      wire [6:0] o;
      wire co;
      carry_chain #(.W(7)) first (.s(ex ^ ey), .di(ex), .ci(1'b1), .o(o), .co(co));
      carry_chain #(.W(8)) second (.s({co, o}), .di(8'd0), .ci(top), .o(exponent), .co());
    end
    wire [20:0] fraction = top ? product[20:0] : {product[19:0], 1'b0};
    assign z = {sign, exponent, fraction, 2'b00};
    assign flush = zero;
  end else begin : rounded
    wire guard = top ? product[10] : product[9];
    wire low = |product[8:0];
    wire odd = top ? product[11] : product[10];
    wire up = guard & (odd | low | (top & product[9]));
    wire [6:0] exponent;
    wire [9:0] fraction;
    if (STYLE == 0) begin : plain_round
      wire [6:0] biased = {2'b00, x[14:10]} + {2'b00, y[14:10]} - 7'd15 + {6'd0, top};
      assign {exponent, fraction} = {biased, top ? product[20:11] : product[19:10]} + {16'd0, up};
    end else begin : mapped_round
      wire [6:0] biased;  // ex + ey + 1 - 16
      wire [6:0] ey = {2'b00, y[14:10]};
      // -16 changes bit 4 and what is above: x[14] - 1 is 0 or -1, so bits 6:4 are all !x[14]
      wire [6:0] minus = {{3{~x[14]}}, x[13:10]};
      carry_chain #(.W(7)) adder (.s(minus ^ ey), .di(ey), .ci(1'b1), .o(biased), .co());
      wire [9:0] normal = top ? product[20:11] : product[19:10];
      carry_chain #(.W(17)) round (
          .s({biased[6:1], biased[0] ^ top, normal}), .di({6'd0, top, 10'd0}), .ci(up), .o({exponent, fraction}), .co()
      );
    end
    assign z = {sign, exponent[4:0], fraction};
    assign flush = zero || exponent[6] || exponent[5:0] == 0;
  end
endmodule

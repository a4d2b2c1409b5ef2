// z = x + y for numbers of 1, EW, MW bits, rounded to nearest even; a zero exponent is zero (its fraction is 0 too), results below
// the least exponent are +0, no infinity, no NaN, no defined result above the largest exponent.
//
//   1  the larger magnitude first            (compare, swap)
//   2  small >> difference of the exponents  (guard, round, sticky)
//   3  big +- lesser
//   4  leading one to the front              (count, shift left), exponent + 1 - count
//   5  round to nearest even
//
// One cycle, unpipelined. Mapped (STYLE 1): the last choice of 2 is in the tables of 3; the last choice of 4, the exponent's
// correction and 5 are one carry chain.
module fp_add #(
    parameter EW = 5,
    parameter MW = 10,
    parameter STYLE = 0,
    localparam W = 1 + EW + MW
) (
    input  [W-1:0] x,
    input  [W-1:0] y,
    output [W-1:0] z,
    output         flush   // the sum is zero: z is not
);
  localparam P = MW + 4;         // fraction, hidden one, guard, round, sticky
  localparam LARGE = MW > 11;    // shifts of 16 and more
  wire [W-2:0] mx = x[W-2:0], my = y[W-2:0];

  // 1. Equal bits are the same tables here and in the difference of the exponents.
  wire swap;
  wire [EW-1:0] big_e, difference;
  wire [MW-1:0] big_m, small_m;
  if (STYLE == 0) begin : plain_compare
    assign swap = my > mx;
    assign difference = swap ? my[W-2:MW] - mx[W-2:MW] : mx[W-2:MW] - my[W-2:MW];
  end else begin : mapped_compare
    wire [W-2:0] equal = ~(mx ^ my);
    carry_chain #(.W(W - 1)) compare (.s(equal), .di(my), .ci(1'b0), .o(), .co(swap));
    carry_chain #(.W(EW)) subtract (.s(equal[W-2:MW]), .di(big_e), .ci(1'b1), .o(difference), .co());
  end
  assign big_e = swap ? my[W-2:MW] : mx[W-2:MW];
  assign big_m = swap ? my[MW-1:0] : mx[MW-1:0];
  assign small_m = swap ? mx[MW-1:0] : my[MW-1:0];
  wire small_one = swap ? mx[W-2:MW] != 0 : my[W-2:MW] != 0;
  wire sign = swap ? y[W-1] : x[W-1];
  wire minus = x[W-1] ^ y[W-1];

  // 2. Bit 0 of these is the sticky bit's place.
  wire [P-1:0] v0 = {small_one, small_m, 3'b000};
  wire [P-1:0] v1 = (difference[1:0] == 0) ? v0 : (difference[1:0] == 1) ? v0 >> 1 : (difference[1:0] == 2) ? v0 >> 2 : v0 >> 3;
  wire lost1 = v1[0];
  wire [P-1:0] v2, v3;
  wire lost2, lost3, far, last;
  if (LARGE) begin : large_shift
    assign v2 = (difference[3:2] == 0) ? v1 : (difference[3:2] == 1) ? v1 >> 4 : (difference[3:2] == 2) ? v1 >> 8 : v1 >> 12;
    assign lost2 = difference[3] ? (|v1[8:1] | (difference[2] & |v1[12:9])) : difference[2] & |v1[4:1];
    assign last = difference[4];
    assign v3 = last ? v2 >> 16 : v2;
    assign lost3 = last & |v2[16:1];
    assign far = |difference[EW-1:5];
  end else begin : small_shift
    assign v2 = difference[2] ? v1 >> 4 : v1;
    assign lost2 = difference[2] & |v1[4:1];
    assign last = difference[3];
    assign v3 = last ? v2 >> 8 : v2;
    assign lost3 = last & |v2[8:1];
    assign far = difference[4];
  end
  wire sticky = far ? small_one : lost1 | lost2 | lost3;
  wire [P-1:0] lesser = {far ? {(P - 1) {1'b0}} : v3[P-1:1], sticky};
  wire [P-1:0] big = {1'b1, big_m, 3'b000};

  // 3.
  wire [P:0] r;
  if (STYLE == 0) begin : plain_add
    assign r = minus ? {1'b0, big} - {1'b0, lesser} : {1'b0, big} + {1'b0, lesser};
  end else begin : mapped_add
    carry_chain #(.W(P + 1)) adder (
        .s({1'b0, big} ^ {1'b0, lesser} ^ {(P + 1) {minus}}), .di({1'b0, big}), .ci(minus), .o(r), .co()
    );
  end

  // 4. n = 16 n4 + 4 coarse + fine zeros stand before the leading one.
  localparam N = LARGE ? 32 : 16;
  wire [N-1:0] s0 = {r, {(N - P - 1) {1'b0}}};
  wire n4;
  wire [15:0] head;               // what the coarse choice looks at
  wire [N-1:0] s1, s2;
  if (LARGE) begin : wide
    assign n4 = s0[N-1-:16] == 0;
    assign s1 = n4 ? s0 << 16 : s0;
    assign head = s1[N-1-:16];
  end else begin : narrow
    assign n4 = 0;
    assign s1 = s0;
    assign head = s0;
  end
  wire none0 = head[15:12] == 0, none1 = head[11:8] == 0, none2 = head[7:4] == 0;
  wire [1:0] coarse = {none0 & none1, none0 & (~none1 | none2)};
  assign s2 = (coarse == 0) ? s1 : (coarse == 1) ? s1 << 4 : (coarse == 2) ? s1 << 8 : s1 << 12;
  wire [1:0] fine = {~(s2[N-1] | s2[N-2]), ~s2[N-1] & (s2[N-2] | ~s2[N-3])};
  wire [N-1:0] s3 = (fine == 0) ? s2 : (fine == 1) ? s2 << 1 : (fine == 2) ? s2 << 2 : s2 << 3;

  // 5.
  localparam L = N - 1 - MW;       // the last bit of the fraction
  wire up = s3[L-1] & (s3[L] | (|s3[L-2:0]));
  wire [EW:0] exponent;
  wire [MW-1:0] fraction;
  if (STYLE == 0) begin : plain_round
    wire [EW:0] moved = {1'b0, big_e} + 1'b1 - {n4, coarse, fine};
    assign {exponent, fraction} = {moved, s3[N-2:L]} + {{(EW + MW) {1'b0}}, up};
  end else begin : mapped_round
    // 1 - n = 4 (-(4 n4 + coarse + fine[1])) + {fine[1], !fine[0]}: no carry, tables of four inputs
    wire [EW-2:0] upper = (fine[1] ? ~{{(EW - 4) {1'b0}}, n4, coarse} : -{{(EW - 4) {1'b0}}, n4, coarse});
    wire [EW:0] change = {upper, fine[1], ~fine[0]};
    carry_chain #(.W(EW + 1 + MW)) round (
        .s({{1'b0, big_e} ^ change, s3[N-2:L]}), .di({1'b0, big_e, {MW{1'b0}}}), .ci(up), .o({exponent, fraction}), .co()
    );
  end
  assign z = {sign, exponent[EW-1:0], fraction};
  assign flush = exponent[EW] || exponent[EW-1:0] == 0 || s2[N-1-:4] == 0;
endmodule

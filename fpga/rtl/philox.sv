// Philox4x32-10 (Salmon et al., SC 2011), the generator of src/base/philox.h: four words of a 128-bit counter and a 64-bit key.
// A round is
//
//   (x0, x1, x2, x3) = (hi(M1 x2) ^ x1 ^ (k0 + r W0), lo(M1 x2), hi(M0 x0) ^ x3 ^ (k1 + r W1), lo(M0 x0))
//
// Both products run digit by digit, 4 bits a cycle, low digits first: acc = (acc >> 4) + M digit; a digit's multiple of the constant
// is a table that the adder absorbs, and what leaves acc below takes the multiplicand's place. 10 rounds of 9 cycles.
module philox (
    input              clk,
    input              start,
    input  [127:0]     counter,         // {c3, c2, c1, c0}
    input  [63:0]      key,             // {k1, k0}; stays until done
    output reg         done,            // for a cycle, with the words
    output [127:0]     words
);
  localparam [31:0] M0 = 32'hD2511F53, M1 = 32'hCD9E8D57, W0 = 32'h9E3779B9, W1 = 32'hBB67AE85;
  reg [31:0] x0 = 0, x1 = 0, x2 = 0, x3 = 0, acc0 = 0, acc1 = 0;
  reg [3:0] digit = 0, round = 0;
  reg busy = 0;
  initial done = 0;

  wire [35:0] next0, next1;
  constant_digit #(.M(M0)) product0 (.digit(x0[3:0]), .acc(acc0), .next(next0));
  constant_digit #(.M(M1)) product1 (.digit(x2[3:0]), .acc(acc1), .next(next1));

  wire [35:0] k0, k1;
  constant_digit #(.M(W0)) key0 (.digit(round), .acc(key[31:0]), .next(k0));
  constant_digit #(.M(W1)) key1 (.digit(round), .acc(key[63:32]), .next(k1));

  always @(posedge clk) begin
    done <= 0;
    if (start) begin
      {x3, x2, x1, x0} <= counter;
      acc0 <= 0;
      acc1 <= 0;
      digit <= 0;
      round <= 0;
      busy <= 1;
    end else if (busy) begin
      if (!digit[3]) begin  // the low digit of the product takes the place of the digit that was used
        x0 <= {next0[3:0], x0[31:4]};
        x2 <= {next1[3:0], x2[31:4]};
        acc0 <= next0[35:4];
        acc1 <= next1[35:4];
        digit <= digit + 1;
      end else begin
        x0 <= acc1 ^ x1 ^ k0[31:0];
        x1 <= x2;
        x2 <= acc0 ^ x3 ^ k1[31:0];
        x3 <= x0;
        acc0 <= 0;
        acc1 <= 0;
        digit <= 0;
        round <= round + 1;
        if (round == 9) begin
          busy <= 0;
          done <= 1;
        end
      end
    end
  end
  assign words = {x3, x2, x1, x0};
endmodule

// next = acc + M digit
module constant_digit #(
    parameter [31:0] M = 0
) (
    input  [3:0]  digit,
    input  [31:0] acc,
    output [35:0] next
);
  function automatic [16*36-1:0] multiples(input [31:0] m);
    integer d;
    for (d = 0; d < 16; d = d + 1) multiples[d*36+:36] = m * d;
  endfunction
  localparam [16*36-1:0] TABLE = multiples(M);
  wire [35:0] multiple, wide = {4'd0, acc};
  for (genvar i = 0; i < 36; i = i + 1) begin : column
    wire [15:0] bits;
    for (genvar d = 0; d < 16; d = d + 1) begin : value
      assign bits[d] = TABLE[d*36+i];
    end
    assign multiple[i] = bits[digit];
  end
  carry_chain #(.W(36)) adder (.s(multiple ^ wide), .di(wide), .ci(1'b0), .o(next), .co());
endmodule

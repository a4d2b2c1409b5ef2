// One row of look-up tables with its carry chain, as Xilinx 7 has it (CARRY4):
//
//   c[0] = ci,   o[i] = s[i] ^ c[i],   c[i+1] = s[i] ? c[i] : di[i],   co = c[W]
//
// With s = x ^ y and di = x this is o = x + y + ci; whatever makes s and di from other signals shares the tables of the adder.
// SUBBYTE_XC7 selects the primitive; without it the same equations stand as plain code, which simulates faster.
module carry_chain #(
    parameter W = 8
) (
    input  [W-1:0] s,
    input  [W-1:0] di,
    input          ci,
    output [W-1:0] o,
    output         co
);
`ifdef SUBBYTE_XC7
  localparam BLOCKS = (W + 3) / 4;
  wire [4*BLOCKS-1:0] s_all = {{(4 * BLOCKS - W) {1'b0}}, s}, di_all = {{(4 * BLOCKS - W) {1'b0}}, di};
  wire [4*BLOCKS-1:0] o_all, c_all;
  for (genvar i = 0; i < BLOCKS; i = i + 1) begin : block
    CARRY4 chain (
        .CO(c_all[4*i+:4]),
        .O(o_all[4*i+:4]),
        .CI(i == 0 ? 1'b0 : c_all[i==0?0 : 4*i-1]),
        .CYINIT(i == 0 ? ci : 1'b0),
        .DI(di_all[4*i+:4]),
        .S(s_all[4*i+:4])
    );
  end
  assign o  = o_all[W-1:0];
  assign co = c_all[W-1];
`else
  // The carry out of every prefix is that of the sum of g = (s ? 0 : di) and of what lets a carry pass.
  wire [W-1:0] generate_bits = ~s & di;
  wire [W:0] total = {1'b0, s | generate_bits} + {1'b0, generate_bits} + {{W{1'b0}}, ci};
  assign o  = s ^ (total[W-1:0] ^ (s | generate_bits) ^ generate_bits);
  assign co = total[W];
`endif
endmodule

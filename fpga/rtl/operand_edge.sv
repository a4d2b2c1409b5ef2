// Where an operand enters the array: zero without `valid`, signed, registered; `edge` shifts it here, once for its whole row.
//
//   operand = code << shift (SHIFT_HERE)  or  code, with its shift beside it (SHIFT_PASSES)
module operand_edge #(
    parameter BITS = 4,
    parameter SIGNED = 1,
    parameter GROUPS = 4,
    parameter S = 2,
    parameter SHIFT_HERE = 0,
    parameter SHIFT_PASSES = 0,
    parameter W = 4
) (
    input            clk,
    input            valid,
    input  [BITS-1:0] code,
    input  [S-1:0]   shift,
    output reg [W-1:0] operand,
    output reg [S-1:0] shift_out
);
  localparam PLAIN = BITS + (SIGNED ? 0 : 1);
  wire [PLAIN-1:0] plain;
  if (SIGNED) assign plain = code;
  else assign plain = {1'b0, code};

  wire [W-1:0] shifted;
  if (SHIFT_HERE && GROUPS > 1) begin : shifts
    shift_left #(.W(PLAIN), .MOST(GROUPS - 1), .N(4)) shifter (.x(plain), .n({{(4 - S) {1'b0}}, shift}), .y(shifted));
  end else begin : unshifted
    assign shifted = plain;
  end

  initial begin
    operand = 0;
    shift_out = 0;
  end
  always @(posedge clk) begin
    operand <= valid ? shifted : 0;
    shift_out <= SHIFT_PASSES && GROUPS > 1 ? shift : 0;
  end
endmodule

// One cell of the integer array, out of look-up tables.
//
//   none, edge  p = a b                      acc += p          (edge: a comes shifted)
//   barrel      p = (a b) << (a_shift + b_shift)   acc += p
//   sorted      p = a b                      acc = step ? 2 acc : acc + p
//   drain       acc = the northern neighbour's acc
//
// The product of a_in, b_in is registered while the operands pass on. In a cycle with step or drain the product is zero (the
// array feeds zeros), so these two need no carry and share the adder's tables: a bit of the accumulator is one six-input table.
module pe_int #(
    parameter A_BITS = 4,     // of a signed operand
    parameter B_BITS = 4,
    parameter SA = 1,         // bits of the shifts that travel beside a and b; used by barrel
    parameter SB = 1,
    parameter NG = 1,
    parameter NG_B = 1,
    parameter ACC_BITS = 24,
    parameter PLACEMENT = 0,  // 0 none, 1 barrel, 2 edge, 3 sorted
    parameter STYLE = 0       // 0 plain, 1 hand-mapped
) (
    input                     clk,
    input      [A_BITS-1:0]   a_in,
    input      [SA-1:0]       a_shift_in,
    input                     step_in,
    input      [B_BITS-1:0]   b_in,
    input      [SB-1:0]       b_shift_in,
    input                     drain,
    input      [ACC_BITS-1:0] north,
    output reg [A_BITS-1:0]   a_out,
    output reg [SA-1:0]       a_shift_out,
    output reg                step_out,
    output reg [B_BITS-1:0]   b_out,
    output reg [SB-1:0]       b_shift_out,
    output reg [ACC_BITS-1:0] acc
);
  localparam BARREL = PLACEMENT == 1, SORTED = PLACEMENT == 3;
  localparam MW = A_BITS + 2 * ((B_BITS + 1) / 2) - 1;  // a product
  localparam MOST = BARREL ? NG - 1 + NG_B - 1 : 0;     // largest shift
  localparam PW = MW + MOST;

  initial begin
    a_out = 0; a_shift_out = 0; step_out = 0; b_out = 0; b_shift_out = 0; acc = 0;
  end
  always @(posedge clk) begin
    a_out <= a_in;
    b_out <= b_in;
    a_shift_out <= BARREL && NG > 1 ? a_shift_in : 0;
    b_shift_out <= BARREL && NG_B > 1 ? b_shift_in : 0;
    step_out <= SORTED ? step_in : 0;
  end

  wire signed [MW-1:0] product;
  if (STYLE == 0) begin : plain_product
    assign product = $signed(a_in) * $signed(b_in);
  end else begin : mapped_product
    booth_multiplier #(.XW(A_BITS), .YW(B_BITS)) multiplier (.x(a_in), .y(b_in), .p(product));
  end

  wire signed [PW-1:0] shifted;
  if (MOST == 0) begin : unshifted
    assign shifted = product;
  end else if (STYLE == 0) begin : plain_shift
    wire [5:0] amount = (NG > 1 ? {{(6 - SA) {1'b0}}, a_shift_in} : 6'd0) + (NG_B > 1 ? {{(6 - SB) {1'b0}}, b_shift_in} : 6'd0);
    wire signed [PW-1:0] wide = product;
    assign shifted = wide << amount;
  end else begin : mapped_shift
    shift_left #(.W(MW), .MOST(NG - 1 + NG_B - 1), .N(6)) shifter (
        .x(product),
        .n((NG > 1 ? {{(6 - SA) {1'b0}}, a_shift_in} : 6'd0) + (NG_B > 1 ? {{(6 - SB) {1'b0}}, b_shift_in} : 6'd0)),
        .y(shifted)
    );
  end

  reg signed [PW-1:0] p = 0;
  always @(posedge clk) p <= shifted;
  wire signed [ACC_BITS-1:0] addend = p;

  if (STYLE == 0) begin : plain_sum
    always @(posedge clk) acc <= drain ? north : step_out ? acc << 1 : acc + addend;
  end else begin : mapped_sum
    wire [ACC_BITS-1:0] kept = SORTED && step_out ? acc << 1 : acc;
    wire [ACC_BITS-1:0] next;
    carry_chain #(.W(ACC_BITS)) adder (
        .s(drain ? north : kept ^ addend), .di(addend), .ci(1'b0), .o(next), .co()
    );
    always @(posedge clk) acc <= next;
  end
endmodule

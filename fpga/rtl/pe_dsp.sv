// One DSP48E1 as a cell: M = a b (or (hi 2^LOW + lo) b, added up by the slice's pre-adder), P as dsp_array.sv says.
module pe_dsp #(
    parameter AW = 8,
    parameter BW = 8,
    parameter PAIR = 0,
    parameter LOW = 21,
    localparam LW = PAIR ? 2 * AW : AW
) (
    input               clk,
    input      [LW-1:0] a_in,
    input               step_in,
    input      [BW-1:0] b_in,
    input               add_in,      // !step_in
    input               drain,
    input               hold,        // !drain
    input      [47:0]   cascade_in,
    output reg [LW-1:0] a_out,
    output reg          step_out,
    output reg          add_out,
    output reg [BW-1:0] b_out,
    output     [47:0]   p,
    output     [47:0]   cascade_out
);
  initial begin
    a_out = 0; step_out = 0; add_out = 0; b_out = 0;
  end
  always @(posedge clk) begin
    a_out <= a_in;
    step_out <= step_in;
    add_out <= add_in;
    b_out <= b_in;
  end
  wire signed [29:0] a_port = PAIR ? {{(30 - AW) {a_in[LW-1]}}, a_in[LW-1-:AW]} << LOW : {{(30 - AW) {a_in[AW-1]}}, a_in[AW-1:0]};
  wire signed [24:0] d_port = PAIR ? {{(25 - AW) {a_in[AW-1]}}, a_in[AW-1:0]} : 0;
  // Z = P or PCIN; Y, X = M or (0, P). M is zero while the array drains. Control bits come in both senses: no table is needed.
  wire [6:0] mode = {1'b0, hold, drain, 1'b0, add_out, step_out, add_out};

`ifdef SUBBYTE_XC7
  DSP48E1 #(
      .ACASCREG(0), .ADREG(0), .ALUMODEREG(0), .AREG(0), .BCASCREG(0), .BREG(0), .CARRYINREG(0), .CARRYINSELREG(0), .CREG(0),
      .DREG(0), .INMODEREG(0), .MREG(1), .OPMODEREG(0), .PREG(1), .USE_DPORT(PAIR ? "TRUE" : "FALSE"), .USE_MULT("MULTIPLY")
  ) slice (
      .CLK(clk), .A(a_port), .B({{(18 - BW) {b_in[BW-1]}}, b_in}), .C(48'd0), .D(d_port), .PCIN(cascade_in), .P(p),
      .PCOUT(cascade_out), .OPMODE(mode), .ALUMODE(4'd0), .INMODE(PAIR ? 5'b00100 : 5'b00000), .CARRYIN(1'b0),
      .CARRYINSEL(3'd0), .CEA1(1'b0), .CEA2(1'b0), .CEAD(1'b0), .CEALUMODE(1'b0), .CEB1(1'b0), .CEB2(1'b0), .CEC(1'b0),
      .CECARRYIN(1'b0), .CECTRL(1'b0), .CED(1'b0), .CEINMODE(1'b0), .CEM(1'b1), .CEP(1'b1), .RSTA(1'b0), .RSTALLCARRYIN(1'b0),
      .RSTALUMODE(1'b0), .RSTB(1'b0), .RSTC(1'b0), .RSTCTRL(1'b0), .RSTD(1'b0), .RSTINMODE(1'b0), .RSTM(1'b0), .RSTP(1'b0),
      .ACIN(30'd0), .BCIN(18'd0), .CARRYCASCIN(1'b0), .MULTSIGNIN(1'b0)
  );
`else
  reg signed [42:0] m = 0;
  reg [47:0] sum = 0;
  wire signed [24:0] factor = a_port[24:0] + d_port;
  always @(posedge clk) begin
    m <= factor * $signed(b_in);
    sum <= (mode[4] ? cascade_in : sum) + (mode[0] ? {{5{m[42]}}, m} : mode[1] ? sum : 48'd0);
  end
  assign p = sum;
  assign cascade_out = sum;
`endif
endmodule

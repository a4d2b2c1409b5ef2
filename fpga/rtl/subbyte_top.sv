// subbyte_array behind AXI-Stream: beats of one reduction index in (or of a step), rows of sums out, the last row first.
// fpga/README.md is the contract. After reset, and after each tile, the array waits until its products are summed up; after
// reset it also drains unseen, which clears what stood in it.
module subbyte_top #(
    parameter ROWS = 8,
    parameter COLS = 8,
    parameter A_BITS = 4,
    parameter B_BITS = 4,
    parameter A_SIGNED = 1,
    parameter NG = 4,
    parameter NG_B = 1,
    parameter ACC_BITS = 24,
    parameter PLACEMENT = 3,
    parameter STYLE = 0,
    localparam SA = NG > 2 ? $clog2(NG) : 1,
    localparam SB = NG_B > 2 ? $clog2(NG_B) : 1,
    localparam IN = ROWS * (A_BITS + SA) + COLS * (B_BITS + SB),
    localparam IN_BYTES = (IN + 7) / 8,
    localparam SUM = (ACC_BITS + 7) / 8 * 8
) (
    input                   aclk,
    input                   aresetn,
    input  [IN_BYTES*8-1:0] s_axis_tdata,   // {b_shift, b, a_shift, a}
    input                   s_axis_tuser,   // step
    input                   s_axis_tlast,
    input                   s_axis_tvalid,
    output                  s_axis_tready,
    output [COLS*SUM-1:0]   m_axis_tdata,
    output                  m_axis_tlast,
    output                  m_axis_tvalid,
    input                   m_axis_tready
);
  localparam FEED = 2'd0, WAIT = 2'd1, DRAIN = 2'd2, CLEAR = 2'd3;
  localparam C = $clog2(ROWS + COLS + 1);
  reg [1:0] state = WAIT;
  reg clearing = 1;
  reg [C-1:0] count = 0;

  assign s_axis_tready = state == FEED;
  assign m_axis_tvalid = state == DRAIN;
  assign m_axis_tlast = count == ROWS - 1;
  wire taken = s_axis_tvalid && s_axis_tready;
  wire drain = state == CLEAR || (state == DRAIN && m_axis_tready);

  always @(posedge aclk) begin
    if (!aresetn) begin
      state <= WAIT;
      clearing <= 1;
      count <= 0;
    end else if (state == FEED) begin
      count <= 0;
      if (taken && s_axis_tlast) state <= WAIT;
    end else if (state == WAIT) begin
      count <= count + 1;
      if (count == ROWS + COLS - 1) begin
        state <= clearing ? CLEAR : DRAIN;
        count <= 0;
      end
    end else if (drain) begin
      count <= count + 1;
      if (count == ROWS - 1) begin
        state <= FEED;
        clearing <= 0;
      end
    end
  end

  localparam A_AT = 0, SA_AT = ROWS * A_BITS, B_AT = SA_AT + ROWS * SA, SB_AT = B_AT + COLS * B_BITS;
  wire [COLS*ACC_BITS-1:0] sum;
  subbyte_array #(
      .ROWS(ROWS), .COLS(COLS), .A_BITS(A_BITS), .B_BITS(B_BITS), .A_SIGNED(A_SIGNED), .NG(NG), .NG_B(NG_B),
      .ACC_BITS(ACC_BITS), .PLACEMENT(PLACEMENT), .STYLE(STYLE)
  ) array (
      .clk(aclk), .a(s_axis_tdata[A_AT+:ROWS*A_BITS]), .a_shift(s_axis_tdata[SA_AT+:ROWS*SA]),
      .b(s_axis_tdata[B_AT+:COLS*B_BITS]), .b_shift(s_axis_tdata[SB_AT+:COLS*SB]), .valid(taken && !s_axis_tuser),
      .step(taken && s_axis_tuser), .drain(drain), .sum(sum)
  );
  for (genvar n = 0; n < COLS; n = n + 1) begin : column
    assign m_axis_tdata[n*SUM+:SUM] = {{(SUM - ACC_BITS + 1) {sum[n*ACC_BITS+ACC_BITS-1]}}, sum[n*ACC_BITS+:ACC_BITS-1]};
  end
endmodule

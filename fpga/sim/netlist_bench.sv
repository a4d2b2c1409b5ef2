// A cell's netlist, as yosys maps it to Xilinx 7, beside the cell's source: the same random inputs, equal outputs in every cycle.
// Compiled with -DCELL_INT, -DCELL_FP or -DCELL_DSP and the parameters that the netlist was made with.
`timescale 1ns / 1ps
module netlist_bench;
  parameter A = 4, B = 4, SA = 2, NG = 4, ACC = 24, PLACEMENT = 3, WIDE = 0, STYLE = 1, PAIR = 0, CYCLES = 4000;
  reg clk = 0;
  integer cycle, errors = 0;
  wire [255:0] source, netlist;
  reg [255:0] r;

`ifdef CELL_INT
  wire step = r[40], drain = r[43:41] == 0;
  pe_int #(.A_BITS(A), .B_BITS(B), .SA(SA), .SB(1), .NG(NG), .NG_B(1), .ACC_BITS(ACC), .PLACEMENT(PLACEMENT), .STYLE(STYLE)) cell_source (
      .clk(clk), .a_in(r[A-1:0]), .a_shift_in(r[16+:SA]), .step_in(step), .b_in(r[20+:B]), .b_shift_in(1'b0), .drain(drain),
      .north(r[64+:ACC]), .a_out(source[15:0]), .a_shift_out(source[31:16]), .step_out(source[32]), .b_out(source[63:48]),
      .b_shift_out(), .acc(source[127:64]));
  pe_int_netlist cell_netlist (
      .clk(clk), .a_in(r[A-1:0]), .a_shift_in(r[16+:SA]), .step_in(step), .b_in(r[20+:B]), .b_shift_in(1'b0), .drain(drain),
      .north(r[64+:ACC]), .a_out(netlist[15:0]), .a_shift_out(netlist[31:16]), .step_out(netlist[32]), .b_out(netlist[63:48]),
      .b_shift_out(), .acc(netlist[127:64]));
`endif
`ifdef CELL_FP
  localparam W = WIDE ? 32 : 16;
  wire drain = r[43:41] == 0;
  pe_fp16 #(.WIDE(WIDE), .STYLE(STYLE)) cell_source (.clk(clk), .a_in(r[15:0]), .b_in(r[31:16]), .drain(drain), .north(r[64+:W]),
      .a_out(source[15:0]), .b_out(source[31:16]), .acc(source[127:64]));
  pe_fp16_netlist cell_netlist (.clk(clk), .a_in(r[15:0]), .b_in(r[31:16]), .drain(drain), .north(r[64+:W]),
      .a_out(netlist[15:0]), .b_out(netlist[31:16]), .acc(netlist[127:64]));
`endif
`ifdef CELL_DSP
  localparam LW = PAIR ? 2 * A : A;
  wire step = r[40] && r[44], drain = r[43:41] == 0 && !source[96];
  wire [47:0] north = {{8{r[119]}}, r[64+:40]};
  pe_dsp #(.AW(A), .BW(B), .PAIR(PAIR), .LOW(25 - A)) cell_source (.clk(clk), .a_in(r[LW-1:0]), .step_in(step), .add_in(!step), .b_in(r[20+:B]), .drain(drain), .hold(!drain),
      .cascade_in(north), .a_out(source[15:0]), .step_out(source[96]), .add_out(source[97]), .b_out(source[31:16]), .p(source[95:48]), .cascade_out());
  pe_dsp_netlist cell_netlist (.clk(clk), .a_in(r[LW-1:0]), .step_in(step), .add_in(!step), .b_in(r[20+:B]), .drain(drain), .hold(!drain),
      .cascade_in(north), .a_out(netlist[15:0]), .step_out(netlist[96]), .add_out(netlist[97]), .b_out(netlist[31:16]), .p(netlist[95:48]), .cascade_out());
`endif

  initial begin
    for (cycle = 0; cycle < CYCLES; cycle = cycle + 1) begin
      r = {$random, $random, $random, $random, $random, $random, $random, $random};
      #1;
      // Also right behind the inputs: the outputs are registers, so this is the state before the edge.
      if (source !== netlist) errors = errors + 1;
      if (errors == 1 && source !== netlist) $display("error: cycle %0d: source %h, netlist %h", cycle, source, netlist);
      clk = 1; #1; clk = 0; #1;
    end
    if (errors == 0) $display("equal: %0d cycles", CYCLES);
    $finish;
  end
endmodule

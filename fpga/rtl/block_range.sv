// The shift of a block of 16 elements (src/kernels/quantize/quantize.h):
//
//   top = max |z| over the block,   e = the largest e <= most with top <= limit >> e
//
// A block is 16 cycles of `valid` in a row, `first` with the first; absent elements are zeros. z leaves with its block's e,
// 18 + MOST cycles later: blocks may follow each other without a gap.
module block_range #(
    parameter MOST = 3,                  // largest shift that `most` can name
    localparam E = MOST > 1 ? $clog2(MOST + 1) : 1,
    localparam DELAY = 18 + MOST
) (
    input                clk,
    input                valid,
    input                first,
    input  signed [15:0] z,
    input  [14:0]        limit,          // of the block's lane; stays while the block enters
    input  [E-1:0]       most,
    output               valid_out,
    output signed [15:0] z_out,
    output reg [E-1:0]   e
);
  wire [15:0] magnitude;
  carry_chain #(.W(16)) absolute (.s(z ^ {16{z[15]}}), .di(16'd0), .ci(z[15]), .o(magnitude), .co());
  reg [15:0] top = 0, bound = 0, held = 0;
  reg [3:0] count = 0;
  reg full = 0;
  reg [E-1:0] found = 0;
  reg [E:0] left = 0;
  always @(posedge clk) begin
    full <= valid && count == 15;
    if (valid) begin
      count <= first ? 1 : count + 1;
      if (first || magnitude > top) top <= magnitude;
    end
    // The search of one block goes on beside the maximum of the next.
    if (full) begin
      held <= top;
      bound <= {1'b0, limit} >> 1;
      found <= 0;
      left <= {1'b0, most};
    end else if (left != 0) begin
      if (held <= bound) begin
        found <= found + 1;
        bound <= bound >> 1;
        left <= left - 1;
      end else left <= 0;
    end
  end

  reg [16*DELAY-1:0] line = 0;
  reg [DELAY-1:0] valid_line = 0, first_line = 0;
  initial e = 0;
  always @(posedge clk) begin
    line <= {line[16*(DELAY-1)-1:0], z};
    valid_line <= {valid_line[DELAY-2:0], valid};
    first_line <= {first_line[DELAY-2:0], valid && first};
    if (first_line[DELAY-2]) e <= found;
  end
  assign z_out = line[16*DELAY-1-:16];
  assign valid_out = valid_line[DELAY-1];
endmodule

// root = floor(sqrt(value)), two bits of the value and one of the root a cycle. `ready` is high for one cycle.
module square_root #(
    parameter W = 46  // even
) (
    input                  clk,
    input                  start,
    input        [W-1:0]   value,
    output reg   [W/2-1:0] root,
    output reg             ready
);
  localparam H = W / 2;
  reg [W-1:0] left = 0;
  reg [H:0] rest = 0;
  reg [$clog2(H+1)-1:0] count = 0;
  reg busy = 0;
  initial begin
    root = 0; ready = 0;
  end
  wire [H+3:0] trial = {1'b0, rest, left[W-1-:2]} - {2'b0, root, 2'b01};
  wire more = !trial[H+3];
  always @(posedge clk) begin
    ready <= busy && count == 1;
    if (start) begin
      left <= value;
      rest <= 0;
      root <= 0;
      count <= H;
      busy <= 1;
    end else if (busy) begin
      left <= left << 2;
      rest <= more ? trial[H:0] : {rest[H-2:0], left[W-1-:2]};
      root <= {root[H-2:0], more};
      count <= count - 1;
      busy <= count != 1;
    end
  end
endmodule

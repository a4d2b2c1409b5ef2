// y = x << n for a signed x, n from 0 to MOST, as levels of four-to-one choices: one six-input table a bit and level.
module shift_left #(
    parameter W = 8,
    parameter MOST = 3,
    parameter N = 2          // bits of n
) (
    input  [W-1:0]      x,
    input  [N-1:0]      n,
    output [W+MOST-1:0] y
);
  wire [W+MOST-1:0] wide = {{MOST{x[W-1]}}, x};
  wire [W+MOST-1:0] fine = (n[1:0] == 0) ? wide : (n[1:0] == 1) ? wide << 1 : (n[1:0] == 2) ? wide << 2 : wide << 3;
  if (MOST <= 3) begin : one_level
    assign y = fine;
  end else if (MOST <= 7) begin : two_levels
    assign y = n[2] ? fine << 4 : fine;
  end else begin : three_levels
    assign y = (n[3:2] == 0) ? fine : (n[3:2] == 1) ? fine << 4 : (n[3:2] == 2) ? fine << 8 : fine << 12;
  end
endmodule

// First pass of a normalization (docs/method.md, section 4): the rounded mean of a channel's n = 2^log_n elements,
//
//   mu = floor(sum y / n + 1/2) = (n/2 + sum y) >> log_n       log_n >= 1; the host says n/2 as `half`, and log_n
//
// One element a cycle; the next channel may follow at once. mu is there log_n + 3 cycles after `last`, for one cycle `ready`.
// |y| < 2^14, as products store it.
module norm_mean #(
    parameter LOG = 16  // largest log_n
) (
    input                    clk,
    input signed      [15:0] y,
    input                    valid,
    input                    last,
    input          [LOG-1:0] half,
    input             [ 4:0] log_n,
    output reg signed [15:0] mu,
    output reg               ready
);
  localparam W = LOG + 15;
  reg signed [W-1:0] sum = 0, shifted = 0;
  reg [4:0] count = 0;
  reg first = 1, done = 0, busy = 0;
  initial begin
    mu = 0; ready = 0;
  end
  always @(posedge clk) begin
    if (valid) begin
      sum <= (first ? {{(W - LOG) {1'b0}}, half} : sum) + {{(W - 16) {y[15]}}, y};
      first <= last;
    end
    done <= valid && last;
    shifted <= done ? sum : shifted >>> 1;
    count <= done ? log_n : count - 1;
    busy <= done || (busy && count != 0);
    ready <= busy && count == 0;
    if (busy && count == 0) mu <= shifted[15:0];
  end
endmodule

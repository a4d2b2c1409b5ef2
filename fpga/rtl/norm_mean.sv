// First pass of a normalization (docs/method.md, section 4): the rounded mean of a channel's n = 2^log_n elements,
//
//   mu = floor(sum y / n + 1/2) = ((sum y >> (log_n - 1)) + 1) >> 1       log_n >= 1
//
// One element a cycle; the next channel may follow at once. mu is there log_n + 2 cycles after `last`, for one cycle `ready`.
// |y| < 2^14, as products store it.
module norm_mean #(
    parameter LOG = 16  // largest log_n
) (
    input                    clk,
    input signed      [15:0] y,
    input                    valid,
    input                    last,
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
  wire signed [W-1:0] rounded = shifted + 1;
  always @(posedge clk) begin
    if (valid) begin
      sum <= (first ? 0 : sum) + y;
      first <= last;
    end
    done <= valid && last;
    shifted <= done ? sum : shifted >>> 1;
    count <= done ? log_n - 1 : count - 1;
    busy <= done || (busy && count != 0);
    ready <= busy && count == 0;
    if (busy && count == 0) mu <= rounded >>> 1;
  end
endmodule

// A channel normalized by its standard deviation: S = eps + sum (y - mu)^2, A = floor(sqrt S), which multiplier and shift turn
// into gamma / (A / sqrt n) (docs/method.md, section 4).
//
// Three passes over y, of three channels at once: each takes an element a cycle. Of one channel they follow each other:
//   mean       y1 (valid1, last1), then mu_ready
//   deviation  start2, then y2 (valid2, last2), then scale_ready; eps is read with the first element, g and h when scale begins
//   apply      start3, then y3 (valid3): q, z with out_valid three cycles later; low, high, k, offset, relu are held by the host
// start2 and start3 take over what the pass before found, so that the next channel may follow behind.
module norm_l2 #(
    parameter LOG = 16,  // a channel has at most 2^LOG elements
    parameter STYLE = 0
) (
    input                clk,
    input         [ 4:0] log_n,
    input      [LOG-1:0] half,
    input signed  [15:0] y1, y2, y3,
    input                valid1, last1, valid2, last2, valid3, start2, start3,
    input         [15:0] eps,
    input signed  [15:0] g,
    input         [ 5:0] h,
    input signed  [15:0] low, high,
    input         [ 3:0] k,
    input signed  [15:0] offset,
    input                relu,
    output signed [15:0] mu,
    output               mu_ready,
    output signed [15:0] scale,
    output               scale_ready,
    output signed [ 7:0] q,
    output signed [15:0] z,
    output               out_valid
);
  norm_mean #(.LOG(LOG)) mean (
      .clk(clk), .y(y1), .valid(valid1), .last(last1), .half(half), .log_n(log_n), .mu(mu), .ready(mu_ready)
  );

  reg signed [15:0] mu2 = 0, mu_scale = 0, mu3 = 0, scale3 = 0;
  reg signed [15:0] d = 0;
  reg valid_d = 0, last_d = 0, first = 1, found = 0;
  localparam W = (LOG + 31) / 2 * 2;
  reg [W-1:0] total = 0;
  wire [W-1:0] kept = first ? {{(W - 16) {1'b0}}, eps} : total, next;
  wire [30:0] square;  // |d| < 2^15
  if (STYLE == 0) begin : plain
    assign square = d * d;
  end else begin : mapped
    booth_multiplier #(.XW(16), .YW(16)) squarer (.x(d), .y(d), .p(square));
  end
  reg [29:0] square_found = 0;
  reg valid_square = 0, last_square = 0;
  always @(posedge clk) begin
    square_found <= square[29:0];
    valid_square <= valid_d;
    last_square <= last_d;
  end
  if (STYLE == 0) begin : plain_sum
    assign next = kept + square_found;
  end else begin : mapped_sum
    wire [W-1:0] more = {{(W - 30) {1'b0}}, square_found};
    carry_chain #(.W(W)) adder (.s(kept ^ more), .di(kept), .ci(1'b0), .o(next), .co());
  end
  wire [W/2-1:0] root;
  wire root_ready;
  square_root #(.W(W)) square_root (.clk(clk), .start(found), .value(total), .root(root), .ready(root_ready));
  norm_scale #(.W(W / 2)) multiplier (
      .clk(clk), .start(root_ready), .deviation(root), .g(g), .h(h), .scale(scale), .ready(scale_ready)
  );
  always @(posedge clk) begin
    if (start2) mu2 <= mu;
    d <= y2 - mu2;
    valid_d <= valid2;
    last_d <= valid2 && last2;
    if (valid_square) begin
      total <= next;
      first <= last_square;
    end
    found <= last_square;
    if (found) mu_scale <= mu2;
    if (start3) begin
      mu3 <= mu_scale;
      scale3 <= scale;
    end
  end

  norm_apply #(.STYLE(STYLE)) apply (
      .clk(clk), .valid(valid3), .y(y3), .mu(mu3), .low(low), .high(high), .k(k), .scale(scale3), .offset(offset), .relu(relu),
      .q(q), .z(z), .out_valid(out_valid)
  );
endmodule

// From a channel's deviation to its multiplier, one bit a cycle:
//
//   m 2^e = D, 2^15 <= m < 2^16 (cut off);   R = floor((2^31 - 1) / m);   scale = clamp(floor(g R / 2^s + 1/2), +-32767)
//
// The host's h says s = h - (W - 16 - e): the left shifts that bring D's highest bit to the top. No s is below 1: where D is too
// small for that (a constant channel), it is shifted less and the multiplier saturates. R's bits come from the highest down, so
// g R is added up by doubling while they come. Everything takes at most W + 82 cycles. `ready` is high for one cycle.
module norm_scale #(
    parameter W = 31  // bits of D, at least 16
) (
    input                    clk,
    input                    start,
    input            [W-1:0] deviation,
    input signed      [15:0] g,
    input             [ 5:0] h,
    output reg signed [15:0] scale,
    output reg               ready
);
  localparam IDLE = 2'd0, NORMALIZE = 2'd1, DIVIDE = 2'd2, SHIFT = 2'd3;
  reg [1:0] state = IDLE;
  reg [W-1:0] d = 0;
  reg [5:0] s = 0;
  reg [3:0] count = 0;
  reg signed [16:0] rest = 0;
  reg signed [31:0] p = 0;
  initial begin
    scale = 0; ready = 0;
  end

  // Division without restoring: a negative rest gets m back, where the next bit would have taken it away.
  wire signed [16:0] m = {1'b0, d[W-1-:16]};
  wire signed [16:0] flipped = rest[16] ? m : ~m;
  wire signed [17:0] doubled = {rest, 1'b1};
  wire signed [16:0] trial = doubled[16:0] + flipped + !rest[16];
  wire bit_of_r = !trial[16];
  wire last_shift = s == 1;
  // Rounded, it is out of range where its high bits are no sign, or where it became -2^15: of 2^15 - 1/2 or of itself.
  wire signed [15:0] rounded = p[16:1] + p[0];
  wire fits = p[31:16] == {16{p[31]}} && rounded != 16'sh8000;

  always @(posedge clk) begin
    ready <= state == SHIFT && last_shift;
    count <= state == DIVIDE ? count - 1 : 15;
    case (state)
      IDLE:
      if (start) begin
        d <= deviation;
        s <= h;
        state <= NORMALIZE;
      end
      NORMALIZE: begin
        rest <= 17'h07fff;  // the upper bits of 2^31 - 1, below every m
        p <= 0;
        if (!d[W-1] && !last_shift) begin
          d <= d << 1;
          s <= s - 1;
        end else state <= DIVIDE;
      end
      DIVIDE: begin
        rest <= trial;
        p <= (p << 1) + (bit_of_r ? g : 16'sd0);
        if (count == 0) state <= SHIFT;
      end
      SHIFT: begin
        p <= p >>> 1;
        s <= s - 1;
        if (last_shift) begin
          scale <= fits ? rounded : {p[31], {14{~p[31]}}, 1'b1};
          state <= IDLE;
        end
      end
    endcase
  end
endmodule

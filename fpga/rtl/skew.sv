// Lane i of a bundle comes i cycles later: q[i](t) = d[i](t - i).
module skew #(
    parameter LANES = 8,
    parameter W = 4
) (
    input                clk,
    input  [LANES*W-1:0] d,
    output [LANES*W-1:0] q
);
  for (genvar i = 0; i < LANES; i = i + 1) begin : lane
    if (i == 0) assign q[W-1:0] = d[W-1:0];
    else begin : delayed
      reg [i*W-1:0] line = 0;
      if (i == 1) begin : one
        always @(posedge clk) line <= d[i*W+:W];
      end else begin : more
        always @(posedge clk) line <= {line[(i-1)*W-1:0], d[i*W+:W]};
      end
      assign q[i*W+:W] = line[i*W-1-:W];
    end
  end
endmodule

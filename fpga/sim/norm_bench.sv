// Both normalization units, plain and hand-mapped, behind the same ports; `select` says whose outputs are seen.
module norm_bench (
    input                    clk,
    input             [ 1:0] select,  // 0, 1: L1 plain, mapped; 2, 3: L2
    input             [ 4:0] log_n,
    input             [15:0] half,
    input signed      [15:0] y1, y2, y3,
    input                    valid1, last1, valid2, last2, valid3, start2, start3,
    input             [15:0] eps,
    input signed      [15:0] g,
    input             [ 5:0] h,
    input signed      [15:0] low, high,
    input             [ 3:0] k,
    input signed      [15:0] offset,
    input                    relu,
    output signed     [15:0] mu,
    output                   mu_ready,
    output signed     [15:0] scale,
    output                   scale_ready,
    output signed     [ 7:0] q,
    output signed     [15:0] z,
    output                   out_valid
);
  wire [58:0] out[4];
  for (genvar i = 0; i < 4; i = i + 1) begin : unit
    if (i < 2) begin : l1
      norm_l1 #(.STYLE(i)) norm (.mu(out[i][15:0]), .mu_ready(out[i][16]), .scale(out[i][32:17]), .scale_ready(out[i][33]),
        .q(out[i][41:34]), .z(out[i][57:42]), .out_valid(out[i][58]), .*);
    end else begin : l2
      norm_l2 #(.STYLE(i - 2)) norm (.mu(out[i][15:0]), .mu_ready(out[i][16]), .scale(out[i][32:17]), .scale_ready(out[i][33]),
        .q(out[i][41:34]), .z(out[i][57:42]), .out_valid(out[i][58]), .*);
    end
  end
  assign {out_valid, z, q, scale_ready, scale, mu_ready, mu} = out[select];
endmodule

// Many small arrays of different parameters behind one set of ports, for the C++ bench: `select` says which one is fed and seen.
// `config_word` tells its parameters, so that they are written down once, here.
module array_bench #(
    parameter STRIDE = 1,    // every STRIDE-th of the 85 configurations
    localparam ROWS = 4,
    localparam COLS = 3,
    localparam CONFIGS = (77 + 8 + STRIDE - 1) / STRIDE
) (
    input                    clk,
    input      [7:0]         select,
    input      [ROWS*9-1:0]  a,        // 9 bits a code, the lowest A_BITS count
    input      [ROWS*3-1:0]  a_shift,
    input      [COLS*9-1:0]  b,
    input      [COLS*3-1:0]  b_shift,
    input                    valid,
    input                    step,
    input                    drain,
    output reg [COLS*32-1:0] sum,      // sign-extended
    output reg [31:0]        config_word,
    output     [7:0]         configs
);
  // {STYLE 2, PLACEMENT 2, ACC_BITS 6, NG_B 4, NG 4, A_SIGNED 1, B_BITS 4, A_BITS 4}
  function automatic [31:0] word(input integer a_bits, input integer b_bits, input integer is_signed, input integer groups,
                                 input integer groups_b, input integer acc, input integer placement, input integer style);
    word = {5'd0, style[1:0], placement[1:0], acc[5:0], groups_b[3:0], groups[3:0], is_signed[0], b_bits[3:0], a_bits[3:0]};
  endfunction
  // 7 widths; 11 designs of each: four placements plain, four mapped, three in DSP slices.
  function automatic [31:0] config_of(input integer index);
    integer i, bits, kind, placement, style;
    begin
      i = index * STRIDE;
      bits = 2 + i / 11;
      kind = i % 11;
      style = kind / 4;
      placement = style == 2 ? (kind == 8 ? 0 : kind == 9 ? 2 : 3) : kind % 4;
      config_of = word(bits, bits, (bits + kind) % 2, placement == 0 ? 1 : 4,
                       (placement == 1 || placement == 2) && bits % 2 == 1 ? 3 : 1,
                       style == 2 && bits <= 4 ? 25 - bits - (bits + kind + 1) % 2 : 2 * bits + 16, placement, style);
      if (i == 77) config_of = word(4, 8, 1, 8, 1, 32, 1, 1);
      if (i == 78) config_of = word(8, 4, 0, 8, 2, 32, 2, 1);
      if (i == 79) config_of = word(9, 8, 1, 8, 1, 32, 3, 1);
      if (i == 80) config_of = word(4, 2, 0, 8, 8, 32, 1, 0);
      if (i == 81) config_of = word(4, 8, 1, 8, 1, 21, 3, 2);
      if (i == 82) config_of = word(2, 7, 0, 5, 3, 20, 1, 1);
      if (i == 83) config_of = word(4, 4, 1, 6, 1, 12, 2, 1);
      if (i == 84) config_of = word(5, 4, 1, 2, 1, 16, 3, 0);
    end
  endfunction
  assign configs = CONFIGS;

  wire [COLS*32-1:0] sums[CONFIGS];
  for (genvar i = 0; i < CONFIGS; i = i + 1) begin : each
    localparam [31:0] C = config_of(i);
    localparam integer A = C[3:0], B = C[7:4], NG = C[12:9], NG_B = C[16:13], ACC = C[22:17];
    localparam integer SA = NG > 2 ? $clog2(NG) : 1, SB = NG_B > 2 ? $clog2(NG_B) : 1;
    wire [ROWS*A-1:0] codes_a;
    wire [COLS*B-1:0] codes_b;
    wire [ROWS*SA-1:0] shifts_a;
    wire [COLS*SB-1:0] shifts_b;
    wire [COLS*ACC-1:0] out;
    for (genvar m = 0; m < ROWS; m = m + 1) begin : row
      assign codes_a[m*A+:A] = a[m*9+:A];
      assign shifts_a[m*SA+:SA] = a_shift[m*3+:SA];
    end
    for (genvar n = 0; n < COLS; n = n + 1) begin : column
      assign codes_b[n*B+:B] = b[n*9+:B];
      assign shifts_b[n*SB+:SB] = b_shift[n*3+:SB];
      assign sums[i][n*32+:32] = {{(32 - ACC) {out[n*ACC+ACC-1]}}, out[n*ACC+:ACC]};
    end
    wire here = select == i;
    subbyte_array #(
        .ROWS(ROWS), .COLS(COLS), .A_BITS(A), .B_BITS(B), .A_SIGNED(C[8]), .NG(NG), .NG_B(NG_B), .ACC_BITS(ACC),
        .PLACEMENT(C[24:23]), .STYLE(C[26:25])
    ) array (
        .clk(clk), .a(codes_a), .a_shift(shifts_a), .b(codes_b), .b_shift(shifts_b), .valid(valid && here),
        .step(step && here), .drain(drain && here), .sum(out)
    );
  end
  always @* begin
    sum = sums[select];
    config_word = config_of(select);
  end
endmodule

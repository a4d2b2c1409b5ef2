// yosys leaves one INV for every register whose reset it inverts; as $_NOT_ equal ones become one (used for counting alone).
module INV(output O, input I);
  assign O = ~I;
endmodule

"""Every design that the report synthesizes: a name, a family, a top module and its parameters.

A unit that is added to rtl/ gets its lines here (section "units"); report and cache find it by itself.
"""
from collections import namedtuple

# family: xc7, ecp5, ice40. dsp: the family's multiplier blocks may be used. group: the table that shows it.
Design = namedtuple("Design", "name family dsp group top parameters")

NONE, BARREL, EDGE, SORTED = range(4)
PLACEMENTS = ("none", "barrel", "edge", "sorted")
PLAIN, MAPPED, SLICES = range(3)
# Sums of up to 16384 products of extreme codes at four groups: 2 b - 2 bits a product, 3 of shift, 14, a sign.
ACC = {bits: 2 * bits + 16 for bits in (4, 6, 8)}


def integer(bits, placement, groups=4, style=MAPPED, acc=None, size=8):
    return dict(ROWS=size, COLS=size, A_BITS=bits, B_BITS=bits, ACC_BITS=acc or ACC[bits], NG=groups if placement else 1,
                PLACEMENT=placement, STYLE=style)


def fp16(wide, style=MAPPED, size=8):
    return dict(ROWS=size, COLS=size, WIDE=wide, STYLE=style)


def integer_name(bits, placement, groups):
    return f"int{bits} " + ("no shift" if placement == NONE else
                            "sorted" if placement == SORTED else f"G{groups} {PLACEMENTS[placement]}")


def _integers():
    for bits in (4, 6, 8):
        for placement in (NONE, BARREL, EDGE, SORTED):
            yield bits, placement, 4
        if bits == 4:
            yield bits, BARREL, 8
            yield bits, EDGE, 8


def _all():
    for wide in (0, 1):
        name = f"FP16, FP{16 + 16 * wide} acc."
        yield Design(name, "xc7", False, "mapped", "fp16_array", fp16(wide))
        yield Design(name, "xc7", False, "plain", "fp16_array", fp16(wide, PLAIN))
        yield Design(name, "xc7", True, "dsp", "fp16_array", fp16(wide, SLICES))
        for family in ("ecp5", "ice40"):
            yield Design(name, family, False, "luts", "fp16_array", fp16(wide, MAPPED))
        yield Design(name, "ecp5", True, "dsp", "fp16_array", fp16(wide, SLICES))
    for bits, placement, groups in _integers():
        name = integer_name(bits, placement, groups)
        yield Design(name, "xc7", False, "mapped", "subbyte_array", integer(bits, placement, groups))
        yield Design(name, "xc7", False, "plain", "subbyte_array", integer(bits, placement, groups, PLAIN))
        for family in ("ecp5", "ice40") if placement != EDGE and groups == 4 else ():
            yield Design(name, family, False, "luts", "subbyte_array", integer(bits, placement, groups, PLAIN))
    for bits, groups, placement in ((8, 8, EDGE), (8, 8, BARREL)):
        yield Design(integer_name(bits, placement, groups), "xc7", False, "plain", "subbyte_array",
                     integer(bits, placement, groups, PLAIN))
    yield Design("int4 sorted, two sums a slice", "xc7", True, "dsp", "subbyte_array", integer(4, SORTED, style=SLICES, acc=21))
    yield Design("int8 sorted, instantiated", "xc7", True, "dsp", "subbyte_array", integer(8, SORTED, style=SLICES))
    yield Design("int8 G4 edge, instantiated", "xc7", True, "dsp", "subbyte_array", integer(8, EDGE, style=SLICES))
    yield Design("int8 G4 barrel, inferred", "xc7", True, "dsp", "subbyte_array", integer(8, BARREL, style=PLAIN))
    for bits in (4, 8):
        yield Design(integer_name(bits, SORTED, 4), "ecp5", True, "dsp", "subbyte_array", integer(bits, SORTED, 4, PLAIN))
    for acc in (21, 24, 28, 32):
        yield Design(f"edge lanes, {acc}-bit sums", "xc7", False, "lanes", "edge_lanes", dict(ACC_BITS=acc, STYLE=MAPPED))
    # units
    yield Design("block range and shift", "xc7", False, "units", "block_range", {})
    yield Design("quantizer", "xc7", False, "units", "quantizer", dict(STYLE=MAPPED))
    yield Design("Philox4x32-10", "xc7", False, "units", "philox", {})
    for acc in (24, 28, 32):
        yield Design(f"dequantizer, {acc}-bit sums", "xc7", False, "units", "dequantizer", dict(ACC_BITS=acc))
    for style, code in ((PLAIN, "plain"), (MAPPED, "mapped")):
        for kind in ("L1", "L2"):
            yield Design(f"normalization {kind}, {code}", "xc7", False, "norms", f"norm_{kind.lower()}", dict(STYLE=style))


ALL = list(_all())

TIMED = [d for d in ALL if (d.family, d.group) == ("xc7", "mapped") and ("FP16" in d.name or d.name.endswith(("sorted", "G4 barrel")))]

# Placed and routed on an iCE40 HX8K by nextpnr: arrays of 2 x 2 (FP16 of 8 x 8 does not fit; with FP32 sums it takes too long).
CLOCKED = [Design("FP16, FP16 acc.", "ice40", False, "clock", "fp16_array", fp16(0, PLAIN, 2))]
CLOCKED += [Design(integer_name(bits, placement, 4), "ice40", False, "clock", "subbyte_array",
                   integer(bits, placement, 4, PLAIN, size=2)) for placement in (SORTED, BARREL) for bits in (4, 8, 6)]

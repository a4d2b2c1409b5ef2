"""Lays the report's results out: the page docs/results/fpga.md, and the short table of the terminal. No number is made here but
sums, ratios and the combined metric."""
import designs

DSP_WEIGHTS = (55, 120, 242)  # LC that a DSP slice counts; 242 is the ZC706's ratio of tables to slices (218600 / 900)


def pick(results, family, dsp, group):
    """Name to result; of several of one name the smallest."""
    found = {}
    for r in results:
        if (r["family"], r["dsp"], r["group"]) == (family, dsp, group) and (r["name"] not in found or r["LC"] < found[r["name"]]["LC"]):
            found[r["name"]] = r
    return found


def cut(value, base, digits=0):
    return f"{100 * (value / base - 1):+.{digits}f}%"


def table(head, rows):
    lines = ["| " + " | ".join(head) + " |", "|" + "---|" * len(head)]
    return "\n".join(lines + ["| " + " | ".join(str(c) for c in row) + " |" for row in rows]) + "\n"


HALF, FULL = "FP16, FP16 acc.", "FP16, FP32 acc."


def against(name, value, bases):
    """Cuts against FP16 with both sums; a baseline only against itself."""
    return [cut(value, bases[b]) if name not in bases or name == b else "" for b in (HALF, FULL)]


def xilinx_tables(results, group):
    found = pick(results, "xc7", False, group)
    bases = {b: found[b]["LC"] for b in (HALF, FULL)}
    timed = group == "mapped"
    head = ["8x8", "LUT", "LC", "FF", "CARRY4", "slice"] + (["logic, ns"] if timed else []) + ["LC vs FP16, FP16 acc.", "vs FP32 acc."]
    rows = [[n, r["LUT"], r["LC"], r["FF"], r["CARRY"], r["slice"]] + ([f"{r['logic_ps'] / 1000:.2f}" if "logic_ps" in r else ""] if timed else []) +
            against(n, r["LC"], bases) for n, r in found.items()]
    return table(head, rows)


def with_lanes(results):
    found, lanes = pick(results, "xc7", False, "mapped"), pick(results, "xc7", False, "lanes")
    rows = []
    for bits in (4, 6, 8):
        lane = lanes[f"edge lanes, {designs.ACC[bits]}-bit sums"]["LC"]
        for name in (f"int{bits} sorted", f"int{bits} G4 barrel", f"int{bits} G4 edge"):
            total = found[name]["LC"] + lane
            rows.append([name, found[name]["LC"], lane, total, cut(total, found[HALF]["LC"]), cut(total, found[FULL]["LC"])])
    return table(["8x8", "array LC", "lanes LC", "together", "vs FP16, FP16 acc.", "vs FP32 acc."], rows)


def shift_overhead(results):
    found = pick(results, "xc7", False, "mapped")
    rows = []
    for bits in (4, 6, 8):
        base = found[f"int{bits} no shift"]["LUT"]
        rows.append([f"int{bits}", base] + [f"{100 * (found[f'int{bits} {p}']['LUT'] / base - 1):+.1f}%" for p in ("sorted", "G4 barrel", "G4 edge")])
    return table(["LUT over the array without shift", "no shift", "sorted", "G4 barrel", "G4 edge"], rows)


def dsp_table(results):
    found, lanes = pick(results, "xc7", True, "dsp"), pick(results, "xc7", False, "lanes")
    rows = []
    for name, r in found.items():
        row = [name, r["LC"], r["FF"], r["DSP"]]
        for weight in DSP_WEIGHTS:
            row.append(cut(r["LC"] + weight * r["DSP"], found[HALF]["LC"] + weight * found[HALF]["DSP"]))
        base = found[HALF]["LC"] + 242 * found[HALF]["DSP"]
        lane = None if "FP16" in name else lanes[f"edge lanes, {21 if 'int4' in name else 32}-bit sums"]["LC"]
        row.append("" if lane is None else cut(r["LC"] + 242 * r["DSP"] + lane, base, 1))
        rows.append(row)
    return table(["8x8, DSP48E1", "LC", "FF", "DSP"] + [f"LC + {w} DSP" for w in DSP_WEIGHTS] + ["LC + 242 DSP, with lanes"], rows)


def small_families(results):
    parts = []
    for family, name in (("ecp5", "ECP5"), ("ice40", "iCE40")):
        for dsp in (False, True):
            found = pick(results, family, dsp, "dsp" if dsp else "luts")
            if not found:
                continue
            bases = {b: found[b]["LC"] for b in (HALF, FULL)}
            rows = [[n, r["LUT"], r["FF"], r["CARRY"], r["DSP"]] + against(n, r["LC"], bases) for n, r in found.items()]
            parts.append(table([f"8x8, {name} {'with' if dsp else 'without'} DSP", "LUT4", "FF", "carry", "DSP", "LUT4 vs FP16, FP16 acc.",
                                "vs FP32 acc."], rows))
    return "\n".join(parts)


def median(values):
    return sorted(values)[len(values) // 2]


def clock_table(results):
    clocked = [r for r in results if r["group"] == "clock"]
    base = median(next(r["mhz"] for r in clocked if r["name"] == HALF))
    return table(["2x2, iCE40 HX8K", "MHz, three placer seeds", "median", "times FP16, FP16 acc."],
                 [[r["name"], ", ".join(f"{m:.0f}" for m in r["mhz"]), f"{median(r['mhz']):.0f}", f"{median(r['mhz']) / base:.1f}"] for r in clocked])


def units_table(results):
    found = pick(results, "xc7", False, "units")
    return table(["unit", "LUT", "LC", "FF", "CARRY4"], [[n, r["LUT"], r["LC"], r["FF"], r["CARRY"]] for n, r in found.items()])


def norms_table(results):
    found = pick(results, "xc7", False, "norms")
    return table(["unit", "LUT", "LC", "FF", "CARRY4", "LC against L2's"],
                 [[n, r["LUT"], r["LC"], r["FF"], r["CARRY"], cut(r["LC"], found[n.replace("L1", "L2")]["LC"]) if "L1" in n else ""]
                  for n, r in found.items()])


def commands(results):
    seen = {}
    for r in results:
        if r["group"] in ("mapped", "plain", "dsp", "lanes", "luts", "clock"):
            seen.setdefault(r["command"].rsplit(" -top", 1)[0], set()).add(r["group"])
    return "\n".join(f"    {command}    # {', '.join(sorted(groups))}" for command, groups in seen.items())


def page(results, tools):
    import budget_rules
    checks = budget_rules.check(results)
    verdicts = table(["target", "measured", "asked", ""], [[c.text, c.measured, c.asked, "met" if c.met else "**missed**"] for c in checks])
    return f"""# The array's resources

Written by `fpga/report`, with
{"; ".join(tools)}.
Raw counts of every design are in [fpga/resources.json](fpga/resources.json). The array is explained in [../fpga.md](../fpga.md).
`make fpga` repeats all of it.

LC is yosys' estimate of packed tables (xc7: two small ones in one place), plus one for every inverter and shift register it leaves.
Slice = max(LC / 4, FF / 8, CARRY4): a lower bound before place and route, which no open tool of Debian does for Xilinx 7. Times of logic are
yosys' `sta` on the cells' published delays, without wires, of a 2x2 array: a lower bound too. Accumulators: 2 b + 16 bits (24, 28, 32),
enough for 16384 products of extreme codes at four groups; the array with two sums a DSP slice has 21. Cells are mapped once and counted
64 times; edges and skew are included. FP16 rounds to nearest even, flushes subnormals and has neither infinities nor NaN; its
multiplier is mapped by the same rows of tables as the integers', its adder shares tables and carry chains wherever that saves one.

## Targets

{verdicts}
The lanes are those of `rtl/edge_lanes.sv`: one block range and quantizer, one Philox, two dequantizers (docs/fpga.md says why that many).

## Xilinx 7 without DSP, hand-mapped on both sides

{xilinx_tables(results, "mapped")}
{with_lanes(results)}
{shift_overhead(results)}
## Xilinx 7 without DSP, plain code on both sides

{xilinx_tables(results, "plain")}
## Xilinx 7 with DSP

Combined metric: LC + w DSP, for w = 55, 120, 242 (the ZC706 has 242 tables for each slice). Cuts are against FP16 with FP16 sums, whose
significands are multiplied in a slice.

{dsp_table(results)}
By this metric a DSP slice is dear: the hand-mapped arrays without DSP are smaller than those with, on both sides.

## ECP5 and iCE40

Plain code for integers; for FP16 the smaller of plain code and the mapped one's equations. A carry cell of ECP5 counts the two tables of its place.

{small_families(results)}
{clock_table(results)}
FP16 of 8 x 8 does not fit the HX8K, so clocks are those of 2 x 2. FP16's adder is unpipelined on purpose: it accumulates in one cycle, as
the integers do.

## Edge lanes and other units (Xilinx 7, without DSP)

{units_table(results)}
## Normalization units (Xilinx 7, without DSP)

A channel an element a cycle, in three passes side by side (../../fpga/norm.md). Mean, multiplier and apply are the same in both, most of
what is left hand-mapped; only L2 squares and takes a root.

{norms_table(results)}
## Commands

{commands(results)}

`chparam` sets the parameters in resources.json; arrays' cells keep their hierarchy (`keep_hierarchy`) but for the clocks'.
"""


def terminal(results):
    found = pick(results, "xc7", False, "mapped")
    width = max(len(n) for n in found)
    lines = [f"{'xc7 without DSP, 8x8':{width}}    LUT     LC     FF  slice  LC vs FP16"]
    lines += [f"{n:{width}} {r['LUT']:6} {r['LC']:6} {r['FF']:6} {r['slice']:6}  {cut(r['LC'], found[HALF]['LC'])}" for n, r in found.items()]
    return "\n".join(lines)

"""Runs yosys and nextpnr-ice40 on a design and keeps what they count, under a key of everything that the result depends on."""
import hashlib
import json
import os
import re
import subprocess

HERE = os.path.dirname(os.path.abspath(__file__))
RTL = os.path.join(HERE, "rtl")
FLOW = {
    "xc7": "synth_xilinx -family xc7 -flatten -noiopad -noclkbuf -nowidelut",
    "ecp5": "synth_ecp5",
    "ice40": "synth_ice40",
}
SEEDS = (1, 2, 3)


def sources(top):
    """The files of a module and of all that it instantiates: a file has its module's name."""
    text = {f[:-3]: open(os.path.join(RTL, f)).read() for f in os.listdir(RTL) if f.endswith(".sv")}
    needed, found = [top], []
    while needed:
        name = needed.pop()
        if name not in found:
            found.append(name)
            needed += [other for other in text if re.search(rf"^\s*{other} (#\(|\w+ \()", text[name], re.M)]
    return sorted(os.path.join(RTL, name + ".sv") for name in found)


def version(program, option):
    out = subprocess.run([program, option], capture_output=True, text=True)
    return (out.stdout + out.stderr).strip().splitlines()[0]


class ToolError(Exception):
    pass


def flow(design):
    """The yosys command of a design."""
    command = FLOW[design.family]
    if design.family == "xc7":
        # Delay lines stay flip-flops in arrays: as tables they would cost FP16, whose operands are wider, more.
        command += "" if design.group in ("lanes", "units", "norms") else " -nosrl"
        command += "" if design.dsp else " -nodsp"
    if design.family == "ecp5" and not design.dsp:
        command += " -nodsp"
    if design.family == "ice40" and design.dsp:
        command += " -dsp"
    return command + f" -top {design.top}"


def script(design):
    define = "-DSUBBYTE_XC7 " if design.family == "xc7" else ""
    lines = [f"read_verilog -sv {define}" + " ".join(os.path.relpath(f, HERE) for f in sources(design.top))]
    settings = " ".join(f"-set {k} {v}" for k, v in sorted(design.parameters.items()))
    if settings:
        lines.append(f"chparam {settings} {design.top}")
    if design.group not in ("clock", "timing", "lanes", "units", "norms"):
        # A cell is mapped once and counted ROWS x COLS times, on both sides: 64 cells at once take yosys 20 times as long, and the
        # counts differ by 2% (constants at the array's rim).
        lines.append(f"hierarchy -top {design.top}")
        lines.append("setattr -mod -set keep_hierarchy 1 *pe_int *pe_fp16 *pe_dsp")
    return lines + [flow(design)]


def _key(top, *parts):
    h = hashlib.sha256()
    for part in parts:
        h.update(str(part).encode() + b"\0")
    for path in sources(top):
        with open(path) as f:
            h.update(re.sub(r"//.*|\s+", " ", f.read()).encode() + b"\0")  # without comments
    return h.hexdigest()[:24]


class Synthesis:
    """Results below `work`/cache; `fresh` counts what had to be run."""

    def __init__(self, work, log=lambda text: None):
        self.work, self.log, self.fresh = os.path.abspath(work), log, 0
        self.cache = os.path.join(self.work, "cache")
        os.makedirs(self.cache, exist_ok=True)
        self.yosys = version("yosys", "-V")

    def _kept(self, key, make):
        path = os.path.join(self.cache, key + ".json")
        if os.path.exists(path):
            with open(path) as f:
                return json.load(f)
        self.fresh += 1
        result = make(f"{key}.{os.getpid()}")  # names of its temporary files
        temporary = f"{path}.{os.getpid()}"
        with open(temporary, "w") as f:
            json.dump(result, f)
        os.replace(temporary, path)
        return result

    def _yosys(self, key, lines):
        done = subprocess.run(["yosys", "-q", "-l", os.path.join(self.work, key + ".log"), "-p", "; ".join(lines)], cwd=HERE,
                              capture_output=True, text=True)
        if done.returncode:
            raise ToolError(f"yosys failed ({key}.log in {self.work}): {(done.stderr or done.stdout).strip().splitlines()[-1:]}")
        os.remove(os.path.join(self.work, key + ".log"))

    def count(self, design):
        """Cells by type and yosys' estimate of packed tables (xc7)."""
        lines = script(design)

        def make(key):
            self.log(f"{design.family} {'with' if design.dsp else 'without'} DSP, {design.group}: {design.name}")
            report = os.path.join(self.work, key + ".stat")
            merged = ["techmap -map inverters.v", "simplemap t:$not", "opt_merge", "opt_clean"]
            last = merged + [f"tee -q -o {report} stat -tech xilinx"] if design.family == "xc7" else [f"tee -q -o {report} stat"]
            self._yosys(key, lines + last)
            with open(report) as f:
                text = f.read()
            os.remove(report)
            text = text.rpartition("===")[2]  # the whole hierarchy's, or the only module's
            cells = {m[1]: int(m[2]) for m in re.finditer(r"^ {5}([\w$]+) +(\d+)$", text, re.M)}
            if not cells:
                raise ToolError(f"yosys counted no cells of {design.name}")
            estimate = re.search(r"Estimated number of LCs: +(\d+)", text)
            return {"cells": cells, "packed": int(estimate[1]) if estimate else None}

        return resources(design, self._kept(_key(design.top, self.yosys, lines, 1), make))

    def arrival(self, design):
        """Latest arrival of logic without wires in the 2x2 array, in picoseconds (yosys' sta on the xc7 cells' specify blocks)."""
        small = dict(design.parameters, ROWS=2, COLS=2)
        lines = script(design._replace(group="timing", parameters=small)) + ["read_verilog -lib -specify +/xilinx/cells_sim.v"]

        def make(key):
            self.log(f"timing of logic: {design.name}")
            report = os.path.join(self.work, key + ".sta")
            self._yosys(key, lines + [f"tee -q -o {report} sta"])
            with open(report) as f:
                text = f.read()
            os.remove(report)
            return {"ps": int(re.search(r"Latest arrival time in '\w+' is (\d+)", text)[1])}

        return self._kept(_key(design.top, self.yosys, "sta", lines), make)["ps"]

    def clock(self, design):
        """MHz on an iCE40 HX8K, by seed of the placer."""
        pnr = version("nextpnr-ice40", "--version")
        lines = script(design)

        def make(key):
            netlist = os.path.join(self.work, key + ".json")
            self._yosys(key, lines[:-1] + [lines[-1] + f" -json {netlist}"])
            mhz = []
            for seed in SEEDS:
                self.log(f"nextpnr-ice40, seed {seed}: {design.name}")
                done = subprocess.run(["nextpnr-ice40", "--hx8k", "--package", "ct256", "--json", netlist, "--seed", str(seed),
                                       "--freq", "100", "--timing-allow-fail"], capture_output=True, text=True)
                found = re.findall(r"Max frequency for clock .*?: ([\d.]+) MHz", done.stderr + done.stdout)
                if done.returncode or not found:
                    raise ToolError(f"nextpnr-ice40 failed on {design.name}: {done.stderr.strip().splitlines()[-1:]}")
                mhz.append(float(found[-1]))
            os.remove(netlist)
            return {"mhz": mhz}

        return self._kept(_key(design.top, self.yosys, pnr, SEEDS, lines), make)["mhz"]


def resources(design, raw):
    """LUT, LC, FF, CARRY, DSP, slice of a family. An inverter and a shift register of xc7 take a table each."""
    cells = raw["cells"]
    total = lambda pattern: sum(n for cell, n in cells.items() if re.fullmatch(pattern, cell))
    if design.family == "xc7":
        extra = total(r"INV|\$_NOT_|SRL16E|SRLC32E")
        r = {"LUT": total(r"LUT\d") + extra, "LC": raw["packed"] + extra, "FF": total(r"FD[RSCP]E(_1)?"), "CARRY": total("CARRY4"),
             "DSP": total("DSP48E1")}
        r["slice"] = max(-(-r["LC"] // 4), -(-r["FF"] // 8), r["CARRY"])
    elif design.family == "ecp5":
        # A CCU2C takes the two tables of its place.
        r = {"LUT": total(r"LUT4") + 2 * total("CCU2C"), "FF": total("TRELLIS_FF"), "CARRY": total("CCU2C"),
             "DSP": total(r"MULT18X18D")}
        r["LC"] = r["LUT"]
    else:
        r = {"LUT": total("SB_LUT4"), "FF": total(r"SB_DFF\w*"), "CARRY": total("SB_CARRY"), "DSP": total("SB_MAC16")}
        r["LC"] = r["LUT"]
    r["cells"] = cells
    return r

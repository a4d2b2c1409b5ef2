#!/bin/sh
# The normalization units in Verilator against the library's scalar kernels.
#   norm_cosim.sh LIBRARY WORK [CHANNELS [SEED]]      e.g. norm_cosim.sh build/libsubbyte.a build/fpga/norm 400
# Exit code 77: no Verilator here.
set -eu
[ $# -ge 2 ] || { echo "norm_cosim.sh: expected LIBRARY WORK [CHANNELS [SEED]]" >&2; exit 2; }
library=$(realpath "$1") work=$2
shift 2
here=$(cd "$(dirname "$0")" && pwd)
command -v verilator >/dev/null || { echo "no verilator on the PATH (Debian package verilator)"; exit 77; }
mkdir -p "$work"
verilator --cc --exe --build -O3 -MAKEFLAGS VM_PARALLEL_BUILDS=0 -CFLAGS "-O1 -std=c++20 -I$here/../../src" -LDFLAGS -pthread \
  -Wno-fatal -Wno-WIDTH -Wno-CASEINCOMPLETE -Wno-UNOPTFLAT -y "$here/../rtl" --top-module norm_bench --Mdir "$work/verilated" \
  "$here/norm_bench.sv" "$here/norm_cosim.cc" "$library" -o norm_cosim >"$work/verilator.log" 2>&1 ||
  { tail -20 "$work/verilator.log" >&2; exit 1; }
"$work/verilated/norm_cosim" "$@"

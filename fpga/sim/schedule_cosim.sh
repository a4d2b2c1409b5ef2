#!/bin/sh
# Every layer of a trained run through the array in Verilator: generates a design, schedules the run's layers for it, feeds
# one with the other and compares every sum.
#   schedule_cosim.sh PROGRAM RUN WORK FORMAT "ARRAY OPTIONS" [more options of `fpga schedule`]
# e.g. schedule_cosim.sh build/bin/subbyte runs/demo build/fpga/barrel w4a4g4 "--rows 8 --cols 8 --placement barrel"
# Exit code 77: no Verilator here.
set -eu
[ $# -ge 5 ] || { echo "schedule_cosim.sh: expected PROGRAM RUN WORK FORMAT \"ARRAY OPTIONS\"" >&2; exit 2; }
program=$1 run=$2 work=$3 format=$4 array=$5
shift 5
here=$(cd "$(dirname "$0")" && pwd)
command -v verilator >/dev/null || { echo "no verilator on the PATH (Debian package verilator)"; exit 77; }
rm -rf "$work"
mkdir -p "$work"
# $array is several words.
# shellcheck disable=SC2086
"$program" fpga generate --format "$format" $array ${STYLE:+--style "$STYLE"} -o "$work/design"
# shellcheck disable=SC2086
"$program" fpga schedule "$run" --all --array-format "$format" $array -o "$work/layers" "$@"
(cd "$work/design" && verilator --cc --exe --build -O3 -MAKEFLAGS VM_PARALLEL_BUILDS=0 -CFLAGS "-O1 -std=c++20" -Wno-fatal -Wno-WIDTH \
  --top-module subbyte_design --Mdir "$work/verilated" -f files.f "$here/schedule_cosim.cc" -o schedule_cosim >"$work/verilator.log" 2>&1) ||
  { tail -20 "$work/verilator.log" >&2; exit 1; }
"$work/verilated/schedule_cosim" "$work"/layers/*/

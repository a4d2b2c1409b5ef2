#!/bin/sh
# run_fuzzers.sh BUILD_FOLDER SECONDS: runs every fuzz target for SECONDS; its corpus stays in BUILD_FOLDER/corpus.
# Exit code 1 where one has a finding, whose input stays in BUILD_FOLDER.
set -eu
build=$1 seconds=$2 found=0 targets=0
for target in "$build"/bin/fuzz_*; do
  [ -x "$target" ] || continue
  targets=$((targets + 1))
  name=$(basename "$target")
  mkdir -p "$build/corpus/$name"
  echo "$name: $seconds s"
  if ! "$target" -max_total_time="$seconds" -verbosity=0 -print_final_stats=1 -rss_limit_mb=4096 \
    -artifact_prefix="$build/$name-" "$build/corpus/$name" >"$build/$name.log" 2>&1; then
    tail -n 40 "$build/$name.log" >&2
    echo "error: $name has a finding, see $build/$name.log" >&2
    found=1
  else
    grep number_of_executed_units "$build/$name.log"
  fi
done
[ "$targets" -gt 0 ] || { echo "error: no fuzz target in $build/bin" >&2; exit 1; }
exit $found

#!/bin/sh
# Installs what is missing of the Debian packages that a goal needs: install_packages.sh build|test|aarch64|demo|fuzz|fpga
# Asks for root (or sudo), and updates the package lists, only where something is missing.
set -eu

build="g++ cmake ninja-build libcli11-dev libtomlplusplus-dev nlohmann-json3-dev libfmt-dev zlib1g-dev libpng-dev
  libjpeg62-turbo-dev libarchive-dev"
# The FP32/BF16 twin: oneDNN, and what its CMake package asks for. Debian has it for some architectures only.
onednn="libdnnl-dev ocl-icd-opencl-dev"
# Runs at any time after the build: it draws the figures of `subbyte report`.
optional="gnuplot-nox"
# Simulate and synthesize the hardware; without them its tests are skipped.
hardware="yosys verilator iverilog nextpnr-ice40"
case "${1:-}" in
  build) packages="$build" ;;
  test) packages="$build libgtest-dev librapidcheck-dev libbenchmark-dev $optional" optional="python3 $hardware" ;;
  aarch64) packages="cmake ninja-build g++-aarch64-linux-gnu qemu-user" onednn= optional= ;;
  demo) packages="$build dataset-fashion-mnist $optional" optional= ;;
  fuzz) packages="$build clang libclang-rt-dev" ;;
  fpga) packages="g++ cmake ninja-build nlohmann-json3-dev python3 $hardware" onednn= optional= ;;
  *) echo "usage: install_packages.sh build|test|aarch64|demo|fuzz|fpga" >&2; exit 2 ;;
esac

if ! command -v dpkg-query >/dev/null; then
  echo "no dpkg on this system: the equivalents of these Debian packages must be there:" $packages $onednn $optional
  exit 0
fi

missing_of() {
  for package; do
    state=$(dpkg-query -W -f='${db:Status-Status}' "$package" 2>/dev/null) || state=absent
    [ "$state" = installed ] || printf ' %s' "$package"
  done
}

run_as_root() {
  if [ "$(id -u)" = 0 ]; then
    env DEBIAN_FRONTEND=noninteractive "$@"
  else
    sudo env DEBIAN_FRONTEND=noninteractive "$@"
  fi
}

log=$(mktemp)
trap 'rm -f "$log"' EXIT
# The log is shown where apt-get fails; on a terminal its last line is shown while it works.
apt() {
  run_as_root apt-get -q -y -o DPkg::Lock::Timeout=600 -o Dpkg::Use-Pty=0 "$@" >"$log" 2>&1 &
  apt_process=$!
  while [ -t 1 ] && kill -0 $apt_process 2>/dev/null; do
    printf '\r\033[K  %.70s' "$(tail -n 1 "$log")"
    sleep 0.5
  done
  status=0
  wait $apt_process || status=$?
  [ ! -t 1 ] || printf '\r\033[K'
  if [ $status != 0 ]; then
    tail -n 15 "$log" >&2
    echo "error: apt-get $1 failed (exit code $status)" >&2
    exit 1
  fi
}

available() { apt-cache show "$1" >/dev/null 2>&1; }
# Of the packages that one can do without, those that are missing and can be had.
missing_extras() {
  for package in $(missing_of $optional); do
    ! available "$package" || printf ' %s' "$package"
  done
  ! available libdnnl-dev || missing_of $onednn
}

required=$(missing_of $packages)
wanted=$(missing_extras)
if [ -z "$required" ] && [ -z "$wanted" ]; then
  exit 0
fi
if [ "$(id -u)" != 0 ] && ! { command -v sudo >/dev/null && { [ -t 0 ] || sudo -n true 2>/dev/null; }; }; then
  [ -n "$required" ] || exit 0
  echo "error: missing packages:$required; as root: apt-get install$required$wanted" >&2
  exit 1
fi
[ "$(id -u)" = 0 ] || sudo -v # asks for a password now, before the output goes to the log

echo "installing Debian packages:$required$wanted"
apt update
wanted=$(missing_extras)
apt install --no-install-recommends $required $wanted

#!/bin/sh
# What cross tests need: prepare_aarch64.sh FOLDER installs a cross compiler and an emulator, and unpacks the aarch64
# libraries of the tests into FOLDER. They are no packages of this system: it need not know a second architecture.
# Exit code 3, and one line that says why, where they cannot be had.
set -eu
folder=$1
tools=$(dirname "$0")
libraries="librapidcheck-dev:arm64 libgtest-dev:arm64 nlohmann-json3-dev:all"

skip() {
  echo "aarch64 tests skipped: $1"
  exit 3
}

[ "$(uname -m)" = x86_64 ] || skip "this is $(uname -m); they are for x86-64 (on aarch64 the other tests are the same)"
command -v dpkg-deb >/dev/null && command -v apt-get >/dev/null || skip "their packages come from Debian's apt"
"$tools/install_packages.sh" aarch64 || skip "no cross compiler or emulator"
[ ! -e "$folder/complete" ] || exit 0

# apt with a state of its own: any user may do this, and it checks the signatures.
rm -rf "$folder"
mkdir -p "$folder/apt/lists/partial" "$folder/apt/archives/partial"
cd "$folder"
apt_here() {
  apt-get -q -o APT::Architectures::=amd64 -o APT::Architectures::=arm64 -o APT::Sandbox::User= \
    -o Dir::State::lists="$PWD/apt/lists" -o Dir::Cache="$PWD/apt" "$@" >>apt.log 2>&1
}
apt_here update || true # a source that has no arm64 does no harm
# shellcheck disable=SC2086
apt_here download $libraries || skip "apt cannot download $libraries ($(tail -n 1 apt.log))"
for package in ./*.deb; do dpkg-deb -x "$package" .; done
rm -rf apt ./*.deb
touch complete

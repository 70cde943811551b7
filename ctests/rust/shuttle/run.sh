#!/bin/sh
# Runs what is too large for `make models` under random schedules. `run.sh [PROGRAMS [SCHEDULES]]`
set -eu

if [ "${1-}" = --help ]; then
  echo "usage: run.sh [PROGRAMS [SCHEDULES]]    (1500 programs, each under 20 schedules, each scene under"
  echo "                                         a thousand times as many; SEED=n begins elsewhere)"
  exit
fi

[ -z "${1-}" ] || export PROGRAMS="$1"
[ -z "${2-}" ] || export SCHEDULES="$2"
export RUSTFLAGS="--cfg shuttle" RUST_BACKTRACE=0 CARGO_PROFILE_RELEASE_LTO=off
cd "$(dirname "$0")/../../.."
log=target/shuttle/log
mkdir -p target/shuttle
status=0
cargo test --release --test shuttle --target-dir target/shuttle -- --show-output >"$log" 2>&1 || status=$?
grep -v ' schedules$' "$log"
awk '/ schedules$/ { schedules += $1 } END { print schedules + 0 " schedules"; exit !schedules }' "$log"
exit "$status"

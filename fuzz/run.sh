#!/bin/sh
# Fuzzes the C interface, guided by coverage. Builds as cargo-fuzz does, without needing it.
set -eu

if [ "${1-}" = --help ]; then
  echo "usage: fuzz/run.sh [SECONDS [LIBFUZZER-OPTION...]]    (60)"
  echo "       fuzz/run.sh merge    writes to fuzz/corpus/calls what reaches all that was ever reached"
  echo "Needs a nightly Rust and a C++ compiler. New inputs go to target/fuzz/corpus, one that fails to"
  echo "target/fuzz/artifacts. To see its calls: REPLAY=<file> cargo test --test replay one_input -- --nocapture"
  echo "Once the bug is understood, keep the input in fuzz/corpus/bugs, under a name that says what it is."
  exit
fi

cd "$(dirname "$0")"
[ "${1-}" = merge ] || ../ctests/whole.sh SECONDS "${1:-60}"
made=${CARGO_TARGET_DIR:-$PWD/../target}/fuzz
found=$made/corpus
mkdir -p "$found" "$made/artifacts"
host=$(rustc +nightly -vV | sed -n 's/^host: //p')
if [ -z "$host" ]; then
  echo "fuzz: needs a nightly Rust: rustup toolchain install nightly" >&2
  exit 1
fi

export CARGO_TARGET_DIR="$made"
export RUSTFLAGS="--cfg fuzzing -Zsanitizer=address -Cpasses=sancov-module \
  -Cllvm-args=-sanitizer-coverage-level=4 -Cllvm-args=-sanitizer-coverage-inline-8bit-counters \
  -Cllvm-args=-sanitizer-coverage-pc-table -Cllvm-args=-sanitizer-coverage-trace-compares \
  -Ccodegen-units=1"
cargo +nightly build --release --target "$host" --bin calls
calls=$made/$host/release/calls

# The fewest inputs that reach every edge: how often, and what was compared there, is found anew.
if [ "${1-}" = merge ]; then
  kept=$made/kept
  rm -rf "$kept" && mkdir "$kept"
  "$calls" -set_cover_merge=1 -use_counters=0 -use_cmp=0 -max_len=512 "$kept" corpus/calls corpus/bugs "$found"
  rm -rf corpus/calls && mv "$kept" corpus/calls
  echo "fuzz/corpus/calls: $(find corpus/calls -type f | wc -l) inputs, $(cat corpus/calls/* | wc -c) bytes"
  exit
fi

seconds=${1:-60}
[ $# -eq 0 ] || shift
exec "$calls" -max_total_time="$seconds" -max_len=512 -len_control=0 -timeout=20 \
  -rss_limit_mb=2048 -print_final_stats=1 -artifact_prefix="$made/artifacts/" "$@" \
  "$found" corpus/calls corpus/bugs

#!/bin/sh
# The C tests under a sanitizer: libbridgeq.a by nightly Rust, the C side by the clang of its LLVM.
set -eu

if [ $# -eq 0 ] || [ "$1" = --help ]; then
  echo "usage: sanitize.sh thread|address [CTEST OPTION...]"
  echo "thread: ThreadSanitizer. address: AddressSanitizer with leaks; undefined behaviour for the C side."
  echo "STRESS=percent: how much of the stress tests. RUST_LIBRARY=FILE: the sources of nightly's"
  echo "standard library (.tar.xz), which then is instrumented as well."
  exit 0
fi

sanitizer=$1
shift
cd "$(dirname "$0")/.."
step=ctests/step.sh
out=target/sanitize/$sanitizer
triple=$(rustc -vV | sed -n 's/^host: //p')
library=$out/$triple/release
jobs=${JOBS:-$(nproc)}
# Where a checkout that has a toolchain beside it keeps the sources.
sources=${RUST_LIBRARY:-../shared/toolchain/rustlib.tar.xz}

case $sanitizer in
  thread)
    title=ThreadSanitizer
    # ThreadSanitizer starts a thread and maps memory of its own, and keeps signals back from a thread
    # that is in a system call by a way it does not know.
    without='|^quiet.the_library_starts_no_thread|^timeouts.a_storm_of_signals_ends_no_wait'
    without="$without|^reload.it_can_be_loaded_used_and_unloaded_over_and_over"
    flags=-fsanitize=thread
    # The children of the fork tests start threads of their own: that is what is tested there.
    export TSAN_OPTIONS="halt_on_error=1 die_after_fork=0 history_size=4 \
suppressions=$PWD/ctests/tsan.supp ${TSAN_OPTIONS:-}"
    ;;
  address)
    title=AddressSanitizer
    without=
    flags="-fsanitize=address,undefined -fno-sanitize-recover=undefined"
    # Puts that must find no memory ask for more than there is: they are to be told, not stopped.
    export ASAN_OPTIONS="allocator_may_return_null=1 detect_stack_use_after_return=1 ${ASAN_OPTIONS:-}"
    export UBSAN_OPTIONS="print_stacktrace=1 ${UBSAN_OPTIONS:-}"
    ;;
  *) echo "sanitize.sh: thread or address, not $sanitizer" >&2 && exit 2 ;;
esac

# Debug assertions are on: what they find is wrong even where nothing else shows. And what takes thousands of calls to
# happen does at once (eager).
build_library() {
  RUSTFLAGS="--cfg eager -Zsanitizer=$sanitizer -Cunsafe-allow-abi-mismatch=sanitizer" \
    CARGO_TARGET_DIR=$out CARGO_PROFILE_RELEASE_LTO=off CARGO_PROFILE_RELEASE_STRIP=false \
    CARGO_PROFILE_RELEASE_DEBUG=line-tables-only CARGO_PROFILE_RELEASE_DEBUG_ASSERTIONS=true \
    $step "libbridgeq.a for $title, $1" cargo +nightly rustc --release --lib \
    --crate-type staticlib --target "$triple" ${2:+"$2"}
}

unpack_library() {
  unpacked=$out/library.of.$(cksum <"$sources" | cut -d ' ' -f 1)
  [ -d "$unpacked" ] || { mkdir -p "$unpacked.part" && tar -xJf "$sources" -C "$unpacked.part" &&
    mv "$unpacked.part" "$unpacked"; }
}

ctests/tools.sh cargo nightly clang-22 cmake pkg-config libuv openssl
# An instrumented standard library, where its sources are there and fit this nightly: for threads
# only, other memory errors of the library show in its own code.
if [ "$sanitizer" = thread ] && [ -f "$sources" ] && unpack_library &&
  __CARGO_TESTS_ONLY_SRC_ROOT=$PWD/$unpacked/library \
    build_library "std instrumented" -Zbuild-std=std,panic_unwind; then :; else
  build_library "std as it is" ""
fi

$step "configure the C programs for $title" cmake -S ctests -B "$out/ctests" \
  -DCMAKE_C_COMPILER=clang-22 -DCMAKE_CXX_COMPILER= -DCMAKE_C_FLAGS="$flags -g" \
  -DBRIDGEQ_LIBDIR="$PWD/$library" -DBRIDGEQ_KINDS=static -DBRIDGEQ_TEST_TIMEOUT=310
$step "build the C programs for $title" cmake --build "$out/ctests" -j "$jobs"
export CHECK_WATCHDOG="${CHECK_WATCHDOG:-300}" STRESS="${STRESS:-20}"
# shellcheck disable=SC2016 # expanded by that shell
$step "C tests under $title" sh -c 'cd "$1" && shift && exec ctest "$@"' sh "$out/ctests" \
  -j "$jobs" --output-on-failure -E "^header\.$without" "$@"

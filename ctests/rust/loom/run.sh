#!/bin/sh
# Runs every model, each in a process of its own: a deadlock aborts. `run.sh [PREEMPTIONS [SECONDS]]`
set -eu

if [ "${1-}" = --help ]; then
  echo "usage: run.sh [PREEMPTIONS [SECONDS]]    A model that takes longer is cut: 60 s for PREEMPTIONS=1, where that"
  echo "                                         is a failure, and 10 s for more, where it is said"
  exit
fi
"$(dirname "$0")/../../whole.sh" PREEMPTIONS "${1:-1}" SECONDS "${2:-60}"

export LOOM_MAX_PREEMPTIONS="${1:-1}" RUSTFLAGS="--cfg loom" RUST_BACKTRACE=0 CARGO_PROFILE_RELEASE_LTO=off
[ "$LOOM_MAX_PREEMPTIONS" -gt 1 ] && seconds=${2:-10} || seconds=${2:-60}
cd "$(dirname "$0")/../../.."
build="cargo test --release --test loom --target-dir target/loom"
$build --no-run 2>&1
program=$($build --no-run 2>&1 | sed -n 's/.*Executable .*(\(.*\))/\1/p')

passed=0 cut=0 failed=0 schedules=0
for model in $("$program" --list 2>/dev/null | sed -n 's/: test$//p'); do
  status=0
  timeout "$seconds" "$program" --exact "$model" --nocapture >target/loom/log 2>&1 || status=$?
  case $status in
  0)
    passed=$((passed + 1))
    explored=$(awk '{ for (i = 1; i < NF; i++) if ($i == "schedules") sum += $(i + 1) }
      END { print sum + 0 }' target/loom/log)
    schedules=$((schedules + explored))
    ;;
  124) cut=$((cut + 1)) && echo "cut after $seconds s: $model" ;;
  *) failed=$((failed + 1)) && cat target/loom/log && echo "fails: $model" ;;
  esac
done
echo "$cut cut after $seconds s"
echo "$passed passed, $failed failed; $schedules schedules"
[ "$failed" -eq 0 ] && [ "$passed" -gt 0 ] && { [ "$cut" -eq 0 ] || [ "$LOOM_MAX_PREEMPTIONS" -gt 1 ]; }

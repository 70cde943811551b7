#!/bin/sh
# Runs one step of a build quietly: a line with its time (and its tests) when it works, everything it
# said when it does not. V=1 shows everything always. STEP_LIMIT=seconds ends a step that hangs.
set -u

if [ $# -lt 2 ]; then
  echo "usage: step.sh TITLE COMMAND [ARGUMENT...]"
  [ "${1-}" = --help ]
  exit
fi

title=$1
shift
logs=$(dirname "$0")/../target/logs
mkdir -p "$logs" || exit 1
log=$logs/$(echo "$title" | tr -cs 'A-Za-z0-9.\n' '-').log
# What make tells its children is about this make, not about the ones that a step may start.
unset MAKEFLAGS MFLAGS MAKELEVEL

# ", 12 tests, 1 skipped" out of what cargo test, ctest and consumer/run.sh print.
tests() {
  awk '/^test result: /        { passed += $4; skipped += $8 }
       /% tests passed,/       { passed += $NF }
       /[*][*][*]Skipped/      { passed--; skipped++ }
       /^ok /                  { passed++ }
       END { if (passed) printf ", %d test%s", passed, passed == 1 ? "" : "s"
             if (skipped) printf ", %d skipped", skipped }' "$log"
}

: >"$log"
printf '  %-46s ' "$title"
start=$(date +%s)
if [ -n "${V:-}" ]; then
  echo
  ${STEP_LIMIT:+timeout -k 10 "$STEP_LIMIT"} "$@" </dev/null
else
  ${STEP_LIMIT:+timeout -k 10 "$STEP_LIMIT"} "$@" </dev/null >"$log" 2>&1
fi
code=$?
seconds=$(($(date +%s) - start))

case $code in
  0) echo "ok  $seconds s$(tests)" && exit ;;
  124) echo "STUCK  no end after $seconds s" ;;
  *) echo "FAILED  $seconds s, exit code $code" ;;
esac
[ -n "${V:-}" ] || cat "$log"
echo "  The step that failed: $*"
exit "$code"

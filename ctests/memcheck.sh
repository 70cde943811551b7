#!/bin/sh
# Every C test program under Valgrind's memcheck: errors of memory, and leaks.
set -u

if [ $# -ne 1 ] || [ "$1" = --help ]; then
  echo "usage: memcheck.sh DIRECTORY    where CMake built the programs"
  echo "STRESS=percent: how much of the stress tests (2). CHECK_WATCHDOG=seconds for a case (300)."
  exit
fi

export STRESS="${STRESS:-2}" CHECK_WATCHDOG="${CHECK_WATCHDOG:-300}"
said=$(mktemp)
trap 'rm -f "$said"' EXIT
failed=0
passed=0

# What a program needs beside the usual; "-": left out.
options_for() {
  case $1 in
    memory) echo - ;; # brings a malloc of its own, which Valgrind replaces
    realtime) echo - ;; # Valgrind runs one thread at a time: a turn takes longer than is allowed there
    # A child that ends has not freed what threads of its parent were using.
    *fork*) echo --errors-for-leak-kinds=none ;;
    # Goes on after a fault in the middle of a copy: registers must be right at each access.
    stalled | sandbox) echo --vex-iropt-register-updates=allregs-at-mem-access ;;
  esac
}

for path in "$1"/*-shared "$1"/soak/*-shared; do
  [ -x "$path" ] || continue
  program=$(basename "$path" -shared)
  options=$(options_for "$program")
  [ "$options" = - ] && echo "skipped $program" && continue
  # shellcheck disable=SC2086 # a list of options, or none
  if valgrind -q --leak-check=full --errors-for-leak-kinds=definite --error-exitcode=99 \
    --fair-sched=yes --suppressions="$(dirname "$0")/memcheck.supp" $options "$path" >"$said" 2>&1; then
    grep -e '^ok ' -e '^skipped ' "$said" | sed "s/ / $program./"
    passed=$((passed + 1))
  else
    echo "$program fails under Valgrind:"
    cat "$said"
    failed=$((failed + 1))
  fi
done
[ $passed -gt 0 ] || echo "There are no programs below $1."
[ $failed -eq 0 ] && [ $passed -gt 0 ]

#!/bin/sh
# Every case of every C program with the first, the second, ... allocation or descriptor of the library
# made to fail. The cases take no for an answer in few places, so many end with a failed check of their
# own or wait for what was refused; none may end with an abort of the library's, a panic or a crash.
# What a program that takes no for an answer sees is for scenarios.c.
set -u

if [ $# -lt 1 ] || [ "$1" = --help ]; then
  echo "usage: suite.sh DIRECTORY [MOST]    where CMake built the programs; how many calls to fail (40)"
  exit
fi

directory=$1
most=${2:-40}
export STRESS="${STRESS:-2}" CHECK_WATCHDOG="${CHECK_WATCHDOG:-3}"
said=$(mktemp)
trap 'rm -f "$said"' EXIT
runs=0
refused=0
failed=0

# A check of the test's own has failed, or its watchdog's time was over.
is_told() { grep -q -e '[.][ch]:[0-9]*: ' -e watchdog "$said"; }

run() {
  LD_PRELOAD=$directory/faults/libinject.so FAULT=$2 FAULT_AT=$3 "$directory/$1-shared" "$4" \
    >"$said" 2>&1
  code=$?
  runs=$((runs + 1))
  if [ $code -eq 0 ] || [ $code -eq 77 ]; then
    grep -q '^injected [1-9]' "$said"
    return
  fi
  # SIGABRT is how a check fails; the library itself must never raise it.
  if [ $code -eq 134 ] && is_told && ! grep -q -e 'memory allocation of' -e panicked "$said"; then
    refused=$((refused + 1))
    return 0
  fi
  echo "$1 $4 with FAULT=$2 FAULT_AT=$3 ends with $code:"
  cat "$said"
  failed=$((failed + 1))
}

for path in "$directory"/*-shared; do
  [ -x "$path" ] || continue
  program=$(basename "$path" -shared)
  case $program in
    memory) continue ;; # brings a malloc of its own
    quiet) continue ;; # sends away what is said here
    realtime | sandbox | signals | forks) continue ;; # nothing new is allocated there, and slowly
  esac
  for case in $("$path" --list); do
    for fault in memory eventfd pipe; do
      at=1
      while [ $at -le "$most" ] && run "$program" $fault $at "$case"; do at=$((at + 1)); done
    done
  done
done
echo "$runs runs, $refused ended with a failed check, $failed with something worse"
[ $failed -eq 0 ] && [ $runs -gt 0 ]

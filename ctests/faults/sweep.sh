#!/bin/sh
# Runs every scene of the scenarios with the first, the second, ... call of each kind made to fail,
# alone and together with all that follow, until a run is over without having met one.
set -u

if [ $# -ne 1 ] || [ "$1" = --help ]; then
  echo "usage: sweep.sh SCENARIOS    the program built from scenarios.c"
  exit
fi

program=$1
faults="memory eventfd pipe write read close sleep spurious membarrier madvise atfork affinity"
most=400 # a kind that is met more often than this in one scene is not swept to its end
said=$(mktemp)
trap 'rm -f "$said"' EXIT
runs=0
injected=0

# fails SCENE FAULT AT ON: runs it; says what went wrong.
fails() {
  FAULT=$2 FAULT_AT=$3 FAULT_ON=$4
  export FAULT FAULT_AT FAULT_ON
  [ -n "$4" ] || unset FAULT_ON
  "$program" "$1" >"$said" 2>&1 && return 1
  echo "$1 does not survive: FAULT=$2 FAULT_AT=$3 ${4:+FAULT_ON=1 }$program $1"
  cat "$said"
}

sweep() {
  at=1
  while [ $at -le $most ]; do
    if fails "$1" "$2" $at "$3"; then return 1; fi
    count=$(sed -n 's/^injected //p' "$said")
    runs=$((runs + 1)) injected=$((injected + ${count:-0}))
    [ "${count:-0}" -gt 0 ] || return 0
    at=$((at + 1))
  done
}

failed=0
scenes=$("$program" --list) || exit
for scene in $scenes; do
  before=$injected
  for fault in $faults; do
    sweep "$scene" "$fault" "" || failed=$((failed + 1))
    # A call that never stops being interrupted is no fault but an attack.
    case $fault in write | read | sleep | spurious) continue ;; esac
    sweep "$scene" "$fault" 1 || failed=$((failed + 1))
  done
  echo "ok $scene: $((injected - before)) failures injected"
done
echo "$injected failures injected in $runs runs; $failed sweeps failed"
[ $failed -eq 0 ] && [ $injected -gt 0 ]

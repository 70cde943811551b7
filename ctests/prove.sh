#!/bin/sh
# Runs make targets one after the other, also when one of them fails, and says at the end what came
# of each, how long it took and how much processor time it needed.
set -u

if [ $# -eq 0 ] || [ "$1" = --help ]; then
  echo "usage: prove.sh TARGET...    targets of the Makefile, in this order (make prove)"
  exit
fi

cd "$(dirname "$0")/.." || exit 1
mkdir -p target/logs
table=target/logs/prove.table
clock=target/logs/prove.times
: >"$table"
failed=0

# Seconds of processor time of all that had ended at the last read_clock, which must not run in a
# process of its own: that would know of nothing.
read_clock() { times >"$clock"; }
processor() {
  awk 'NR == 2 { split($1, user, /[ms]/); split($2, kernel, /[ms]/)
                 print int(60 * (user[1] + kernel[1]) + user[2] + kernel[2]) }' "$clock"
}

# row TARGET RESULT SECONDS PROCESSOR
row() { printf '  %-14s %-8s %4d:%02d %8d s\n' "$1" "$2" $(($3 / 60)) $(($3 % 60)) "$4"; }

start=$(date +%s)
for target; do
  echo "$target"
  step_start=$(date +%s)
  read_clock
  before=$(processor)
  result=ok
  "${MAKE:-make}" -s --no-print-directory "$target" || result=FAILED
  [ $result = ok ] || failed=$((failed + 1))
  read_clock
  row "$target" $result $(($(date +%s) - step_start)) $(($(processor) - before)) >>"$table"
done

echo
printf '  %-14s %-8s %7s %10s\n' target result time processor
cat "$table"
row all "$([ $failed -eq 0 ] && echo ok || echo FAILED)" $(($(date +%s) - start)) "$(processor)"
[ $failed -eq 0 ]

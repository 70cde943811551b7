#!/bin/sh
# What tools.sh does on other machines than this one: its commands are stand-ins below target/tools.
set -eu

if [ "${1-}" = --help ]; then
  echo "usage: tools_test.sh"
  exit
fi

tools=$(cd "$(dirname "$0")" && pwd)/tools.sh
work=$(cd "$(dirname "$0")/.." && pwd)/target/tools
rm -rf "$work"

fail() {
  echo "not ok $*" >&2
  cat "$work/said" >&2
  exit 1
}

# stand_in NAME LINE: a command of this machine.
stand_in() {
  printf '#!/bin/sh\n%s\n' "$2" >"$machine/$1"
  chmod +x "$machine/$1"
}

# new_machine NAME USER: one that has what the script itself needs, and apt-get.
new_machine() {
  name=$1 machine=$work/$1
  mkdir -p "$machine"
  for command in sh dirname mkdir tail awk sed cut cat chmod timeout; do
    ln -s "$(command -v $command)" "$machine/$command"
  done
  stand_in id "echo $2"
  stand_in cc 'cat >/dev/null'
  stand_in apt-get "case \$* in *install*) printf '#!/bin/sh' >$machine/abidw; chmod +x $machine/abidw ;; esac"
}

# on_machine TOOL...: what tools.sh says there.
on_machine() {
  PATH=$machine HOME=$work CC='' CXX='' "$tools" "$@" >"$work/said" 2>&1
}

new_machine root 0
on_machine cc abidw || fail "$name: what was missing is installed, and that is not success"
on_machine cc abidw || fail "$name: what is there is said to be missing"
[ ! -s "$work/said" ] || fail "$name: says something where all is there"
echo "ok $name: installs what is missing"

new_machine user 1000
! on_machine cc abidw || fail "$name: what is missing is there all the same"
grep -q 'missing abidw; install with: sudo apt-get install -y abigail-tools$' "$work/said" ||
  fail "$name: does not say how to install it"
echo "ok $name: says how to install what is missing"

new_machine refusing 0
stand_in apt-get 'exit 100'
! on_machine cc abidw || fail "$name: what could not be installed is there all the same"
grep -q 'missing abidw; install with: apt-get install -y abigail-tools$' "$work/said" ||
  fail "$name: does not say what is missing"
echo "ok $name: says what could not be installed"

new_machine choosing 0
stand_in other 'exit 1'
! CC=other PATH=$machine "$tools" cc abidw >"$work/said" 2>&1 || fail "$name: a compiler that does not work is fine"
grep -qx 'bridgeq: CC=other does not work' "$work/said" || fail "$name: does not say which compiler does not work"
[ ! -e "$machine/abidw" ] || fail "$name: installs something for it"
echo "ok $name: refuses a compiler that does not work"

#!/bin/sh
# The binary interface against its committed record: functions with their types, structs, constants.
#
# The header speaks for the library, free of a compiler's internals: other tests see to it that it is
# what cbindgen makes of the Rust sources (ctests/rust/header.rs), that structs are laid out in Rust as
# in C (src/ffi/layout.rs) and that the library exports what the header declares (ctests/symbols).
set -eu

case ${1-} in
  check | record) ;;
  *)
    echo "usage: abi.sh check|record"
    echo "check: fails on any change that is not recorded here and named in the CHANGELOG."
    echo "record: writes libbridgeq.abi and constants.txt anew."
    [ "${1-}" = --help ] && exit 0
    exit 2
    ;;
esac

cd "$(dirname "$0")/../.."
here=ctests/abi
out=target/abi
header=include/bridgeq.h
cc=${CC:-cc}
mkdir -p "$out"

# Defines what the header declares, so that debug information tells of it.
definitions() {
  echo '#include <bridgeq.h>'
  $cc -E -P $header | tr '\n' ' ' | sed 's/;/;\n/g' |
    sed -n 's/^.*__attribute__((visibility("default")))\(.*\);$/\1 { __builtin_trap(); }/p'
}

# Prints every constant of the header with its value.
constants() {
  echo '#include <bridgeq.h>'
  echo '#include <stdio.h>'
  echo 'int main(void) {'
  $cc -E -dM $header | sed -n 's/^#define \(BQ_[A-Z0-9_]*\) .*/\1/p' |
    grep -v -e _INIT -e _VERSION -e _API -e _DEPRECATED | LC_ALL=C sort |
    sed 's/.*/printf("& %lld\\n", (long long)&);/'
  echo '}'
}

fresh() {
  definitions >$out/definitions.c
  constants >$out/constants.c
  $cc -g -O0 -w -fPIC -shared -Iinclude -o $out/libbridgeq.so $out/definitions.c
  $cc -w -Iinclude -o $out/constants $out/constants.c
  $out/constants >$out/constants.txt
  abidw --no-corpus-path --no-comp-dir-path --no-show-locs --no-elf-needed --type-id-style hash \
    --out-file $out/libbridgeq.abi $out/libbridgeq.so
  test "$(grep -c '<function-decl' $out/libbridgeq.abi)" -eq "$(grep -c __builtin_trap $out/definitions.c)"
}

number() { cat $here/libbridgeq.abi $here/constants.txt | cksum | cut -d ' ' -f 1; }

named_in_changelog() {
  grep -q "record $(number)" CHANGELOG.md && return
  echo "The CHANGELOG does not name this binary interface. Say there what changed, and that it is"
  echo "  record $(number)"
  return 1
}

fresh
if [ "$1" = record ]; then
  cp $out/libbridgeq.abi $out/constants.txt $here/
  named_in_changelog || true
  exit
fi

same=yes
abidiff $here/libbridgeq.abi $out/libbridgeq.abi || same=no
diff $here/constants.txt $out/constants.txt || same=no
if [ $same = no ]; then
  echo "The binary interface has changed. If that is wanted: make abi-record, and a line in the CHANGELOG."
  exit 1
fi
named_in_changelog

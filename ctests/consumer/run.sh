#!/bin/sh
# Installs bridgeq below target/consumer, once as a user does and once as a packager does, and builds
# and runs C and C++ programs against each copy: with pkg-config and with find_package, shared and
# static. Then uninstalls and looks for leftovers.
set -eu

if [ "${1-}" = --help ]; then
  echo "usage: run.sh    (after make; CC and CXX choose the compilers)"
  exit
fi

here=$(cd "$(dirname "$0")" && pwd)
top=$(cd "$here/../.." && pwd)
work=$top/target/consumer
version=$(sed -n 's/^version *= *"\(.*\)"/\1/p' "$top/Cargo.toml" | head -n 1)

fail() {
  echo "not ok $*" >&2
  exit 1
}

ok() { echo "ok $*"; }

in_top() { env -u LIBDIR -u INCLUDEDIR -u MANDIR -u DOCDIR "${MAKE:-make}" -s --no-print-directory -C "$top" "$@" >/dev/null; }

needs_shared() { LC_ALL=C readelf -d "$1" | grep -q "NEEDED.*libbridgeq\.so\.${version%%.*}\]"; }

# link_flags KIND: what pkg-config says; for the static library beside shared ones, that one by its name.
link_flags() {
  case $1 in
    shared) pkg "$prefix" --libs bridgeq ;;
    whole) echo -static "$(pkg "$prefix" --static --libs bridgeq)" ;;
    static) pkg "$prefix" --static --libs bridgeq | sed 's/-lbridgeq/-l:libbridgeq.a/' ;;
  esac
}

# The .pc file of the copy under test, wherever that copy was moved to.
pkg() {
  moved=$1
  shift
  PKG_CONFIG_PATH="$libdir/pkgconfig" pkg-config --define-variable=prefix="$moved" "$@"
}

# with_pkg_config LANGUAGE KIND COMPILER...
with_pkg_config() {
  name="pkg-config.$layout.$1[$2]"
  source=$here/consumer.$1
  program=$work/$layout-$1-$2
  kind=$2
  shift 2
  # shellcheck disable=SC2046 # flags are words
  "$@" -Wall -Wextra -Wpedantic -Werror $(pkg "$prefix" --cflags bridgeq) "$source" -o "$program" \
    $(link_flags "$kind") || fail "$name: does not build"
  case $kind in
    shared) needs_shared "$program" || fail "$name: is not linked to libbridgeq.so.${version%%.*}" ;;
    *) ! needs_shared "$program" || fail "$name: is linked to the shared library" ;;
  esac
  said=$(LD_LIBRARY_PATH=$([ "$kind" != shared ] || echo "$libdir") "$program") || fail "$name: exit code $?"
  [ "$said" = "$version" ] || fail "$name: the header says $said, Cargo.toml $version"
  ok "$name"
}

with_find_package() {
  build=$work/cmake-$layout
  cmake -S "$here" -B "$build" -DCMAKE_BUILD_TYPE=Release -DWANTED="$version" "$@" >/dev/null ||
    fail "find_package.$layout: does not configure"
  grep -q "^bridgeq_DIR:[A-Z]*=$libdir/cmake/bridgeq$" "$build/CMakeCache.txt" ||
    fail "find_package.$layout: found another copy"
  cmake --build "$build" || fail "find_package.$layout: does not build"
  (cd "$build" && ctest --output-on-failure) || fail "find_package.$layout: does not run"
}

# check_copy LAYOUT PREFIX LIBDIR CMAKE-OPTION...: an installed copy, seen from where it lies now.
check_copy() {
  layout=$1 prefix=$2 libdir=$3
  shift 3
  [ "$(pkg "$prefix" --modversion bridgeq)" = "$version" ] || fail "pkg-config.$layout: another version"
  [ "$(pkg "$prefix" --libs bridgeq)" != "$(pkg "$prefix" --static --libs bridgeq)" ] ||
    fail "pkg-config.$layout: says nothing about what libbridgeq.a needs"
  functions=$(sed -n '/^[A-Za-z]/s/^.*[ *]\(bq_[a-z_]*\)(.*/\1/p' "$prefix/include/bridgeq.h" | wc -l)
  pages=$(grep -lx '.SH NAME' "$prefix"/share/man/man3/bq_*.3 | wc -l)
  [ "$pages" -eq "$functions" ] || fail "manual.$layout: $pages pages for $functions functions"
  links="$(readlink "$libdir/libbridgeq.so") $(readlink "$libdir/libbridgeq.so.${version%%.*}")"
  [ "$links" = "libbridgeq.so.${version%%.*} libbridgeq.so.$version" ] ||
    fail "links.$layout: libbridgeq.so -> $links"
  # shellcheck disable=SC2086 # a compiler may come with options
  for kind in shared static whole; do
    with_pkg_config c $kind ${CC:-cc} -std=c99 -D_POSIX_C_SOURCE=200809L -pthread
    with_pkg_config cpp $kind ${CXX:-c++} -std=c++11 -pthread
  done
  with_find_package "$@"
}

case $work in *' '*) fail "checkout: pkg-config cannot speak of paths with spaces, and $work has some" ;; esac
rm -rf "$work"
mkdir -p "$work"

own="DESTDIR= PREFIX=$work/own"
stage="DESTDIR=$work/stage PREFIX=/usr LIBDIR=/usr/lib/some-arch"
for where in "$own" "$stage"; do
  # shellcheck disable=SC2086 # variables for make
  in_top install $where || fail "install: make install $where"
done

check_copy own "$work/own" "$work/own/lib" -DCMAKE_PREFIX_PATH="$work/own"
check_copy stage "$work/stage/usr" "$work/stage/usr/lib/some-arch" \
  -DCMAKE_PREFIX_PATH="$work/stage/usr/lib/some-arch/cmake/bridgeq"

for where in "$own" "$stage"; do
  # shellcheck disable=SC2086
  in_top uninstall $where || fail "uninstall: make uninstall $where"
done
left=$(find "$work/own" "$work/stage" ! -type d)
[ -z "$left" ] || fail "uninstall: left $left"
ok uninstall

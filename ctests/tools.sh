#!/bin/sh
# Sees to it that the named tools are there: says nothing when they are, installs what is missing on
# Debian and Ubuntu as root, and otherwise says what is missing and which command installs it.
set -u

if [ $# -eq 0 ] || [ "$1" = --help ]; then
  echo "usage: tools.sh TOOL...    TOOL: cargo cc c++ cmake pkg-config libuv openssl, for the targets under Trust:"
  echo "                           nightly clang-22 valgrind abidw python3"
  echo "Checks that the tools are there. As root on Debian or Ubuntu it installs what is missing, unless"
  echo "BRIDGEQ_NO_INSTALL=1."
  exit 0
fi

top=$(dirname "$0")/..
export PATH="$PATH:${HOME:-/root}/.cargo/bin"

packages='
tool       | apt-get       | dnf           | zypper           | pacman  | apk
cc         | gcc libc6-dev | gcc           | gcc              | gcc     | gcc musl-dev
c++        | g++           | gcc-c++       | gcc-c++          | gcc     | g++
cmake      | cmake         | cmake         | cmake            | cmake   | cmake
pkg-config | pkg-config    | pkgconf       | pkg-config       | pkgconf | pkgconf
libuv      | libuv1-dev    | libuv-devel   | libuv-devel      | libuv   | libuv-dev
openssl    | libssl-dev    | openssl-devel | libopenssl-devel | openssl | openssl-dev
clang-22   | clang-22 llvm-22 libclang-rt-22-dev | clang | clang22 | clang | clang22
valgrind   | valgrind libc6-dbg | valgrind | valgrind        | valgrind | valgrind
abidw      | abigail-tools | libabigail    | libabigail       | libabigail | libabigail
python3    | python3       | python3       | python3          | python  | python3
'

is_there() {
  case $1 in
    cc) echo '#include <stdio.h>' | ${CC:-cc} -E - ;;
    c++) echo '#include <vector>' | ${CXX:-c++} -x c++ -E - ;;
    libuv) pkg-config --exists libuv ;;
    openssl) pkg-config --exists libcrypto ;;
    clang-22) echo 'int main(void) { return 0; }' | clang-22 -fsanitize=thread -x c -o /dev/null - ;;
    *) command -v "$1" ;;
  esac >/dev/null 2>&1
}

# The tools among "$@" that are not there.
missing_of() {
  for tool; do
    is_there "$tool" || printf '%s ' "$tool"
  done
}

# packages_of MANAGER TOOL...: what the tools are called there.
packages_of() {
  echo "$packages" | awk -F ' *[|] *' -v manager="$1" -v tools="$*" '
    $1 == "tool" { for (i = 2; i <= NF; i++) if ($i == manager) column = i }
    index(" " tools " ", " " $1 " ") && $1 != "" { printf "%s%s", gap, $column; gap = " " }'
}

# install_command TOOL...: the command that installs the tools on this system.
install_command() {
  root=
  [ "$(id -u)" -eq 0 ] || root='sudo '
  for manager in apt-get dnf zypper pacman apk; do
    command -v "$manager" >/dev/null || continue
    case $manager in
      apt-get) verb='install -y' ;;
      dnf | zypper) verb='install' ;;
      pacman) verb='-S --needed' ;;
      apk) verb='add' ;;
    esac
    echo "$root$manager $verb $(packages_of "$manager" "$@")"
    return
  done
  echo "your package manager (on Debian: sudo apt-get install -y $(packages_of apt-get "$@"))"
}

# Says what is wrong with cargo, if anything is.
check_cargo() {
  wanted=$(sed -n 's/^rust-version *= *"\(.*\)"/\1/p' "$top/Cargo.toml")
  found=$(cargo --version 2>/dev/null | cut -d ' ' -f 2)
  awk -v wanted="$wanted" -v found="$found" 'BEGIN {
    split(wanted, w, "."); split(found, f, ".")
    exit !(f[1] + 0 > w[1] + 0 || f[1] + 0 == w[1] + 0 && f[2] + 0 >= w[2] + 0)
  }' && return
  echo "bridgeq: needs cargo $wanted or newer and found ${found:-none}; install Rust with:" \
    "curl --proto '=https' --tlsv1.2 -sSf https://sh.rustup.rs | sh -s -- -y" >&2
  return 1
}

# The toolchain that sanitizers need. rustup has it, the system's packages do not.
check_nightly() {
  cargo +nightly --version >/dev/null 2>&1 && return
  timeout 300 rustup toolchain install nightly --profile minimal >/dev/null 2>&1 && return
  echo "bridgeq: needs nightly Rust for sanitizers: rustup toolchain install nightly" >&2
  return 1
}

apt_install() {
  log=$top/target/tools.log
  mkdir -p "$top/target"
  echo "bridgeq: installing $*" >&2
  # A failed update is not the end: what is wanted may be known already. The install says.
  DEBIAN_FRONTEND=noninteractive sh -c '
    apt-get -qq -o DPkg::Lock::Timeout=300 update
    apt-get -qq -o DPkg::Lock::Timeout=300 -y --no-install-recommends install "$@"
  ' sh "$@" </dev/null >"$log" 2>&1 || tail -n 5 "$log" >&2
}

# refuse_chosen TOOL VARIABLE VALUE: a compiler that was chosen and does not work is not for this to install.
refuse_chosen() {
  case " $missing" in *" $1 "*) [ -z "$3" ] || { echo "bridgeq: $2=$3 does not work" >&2; exit 1; } ;; esac
}

result=0
for tool; do
  shift
  case $tool in
    cargo) check_cargo || result=1 ;;
    nightly) check_nightly || result=1 ;;
    *) set -- "$@" "$tool" ;;
  esac
done

missing=$(missing_of "$@")
refuse_chosen cc CC "${CC-}"
refuse_chosen c++ CXX "${CXX-}"
if [ -n "$missing" ] && [ -z "${BRIDGEQ_NO_INSTALL-}" ] && [ "$(id -u)" -eq 0 ] && command -v apt-get >/dev/null; then
  # shellcheck disable=SC2046,SC2086 # lists of words
  apt_install $(packages_of apt-get $missing)
  missing=$(missing_of "$@")
fi
if [ -n "$missing" ]; then
  # shellcheck disable=SC2086 # a list of words
  echo "bridgeq: missing ${missing% }; install with: $(install_command $missing)" >&2
  result=1
fi
exit $result

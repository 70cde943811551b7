#!/bin/sh
# usage: try_serve.sh EPOLL_OFFLOAD
# Serves a directory and runs the two curl lines that --serve prints: they must give what sha256sum
# gives. Then SIGTERM must end the server with status 0. Exits with 77 when there is no curl.
set -eu
command -v curl >/dev/null || exit 77

directory=$(mktemp -d)
server=
trap 'test -z "$server" || kill "$server" 2>/dev/null || true; rm -rf "$directory"' EXIT
mkdir "$directory/root"
echo 'bridgeq between threads and loops' >"$directory/root/README.md"

"$1" --serve --port 0 --root "$directory/root" >"$directory/out" &
server=$!
until grep -q data-binary "$directory/out"; do
  kill -0 "$server" # ends the script if the server has ended
  sleep 0.05
done

expect() { # LINE HASH
  answer=$(sh -c "$(grep "$1" "$directory/out" | sed 's/curl/curl -sS --max-time 20/')")
  test "$answer" = "$2" || { echo "$1 gave $answer, not $2"; exit 1; }
}
expect README "$(sha256sum <"$directory/root/README.md" | cut -c 1-64)"
expect data-binary "$(echo hello | sha256sum | cut -c 1-64)"

kill -TERM "$server"
wait "$server"
server=

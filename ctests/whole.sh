#!/bin/sh
# Sees to it that values which somebody gave are whole numbers above 0; says which one is not.
set -u

if [ $# -eq 0 ] || [ "$1" = --help ]; then
  echo "usage: whole.sh NAME VALUE [NAME VALUE]..."
  exit
fi

while [ $# -ge 2 ]; do
  case $2 in
    '' | *[!0-9]* | 0*)
      echo "bridgeq: $1=$2 is not a whole number above 0" >&2
      exit 2
      ;;
  esac
  shift 2
done

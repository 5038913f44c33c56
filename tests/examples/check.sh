#!/bin/sh
# check.sh PROGRAM NAME: run examples/NAME.tl and compare what it prints with NAME.out of this folder.
# TL_ACCEPT=1 writes what came instead, to be read before it is committed.
tl=$(realpath "$1")
here=$(realpath "$(dirname "$0")")
work=$(mktemp -d) || exit 2
trap 'rm -rf "$work"' EXIT
"$tl" run "$here/../../examples/$2.tl" >"$work/out" </dev/null || exit 1
if [ -n "$TL_ACCEPT" ]; then cp "$work/out" "$here/$2.out"; fi
diff -u "$here/$2.out" "$work/out"

#!/bin/sh
# golden.sh PROGRAM NAME: run NAME.tl of this folder and compare what comes with NAME.out and, where
# there is one, NAME.err: its first line is "exit N", the rest what goes to stderr.
# NAME.cmd, where there is one, holds other arguments than "run NAME.tl".
# TL_ACCEPT=1 writes what came instead, to be read before it is committed.
tl=$(realpath "$1")
name=$2
cd "$(dirname "$0")" || exit 2
work=$(mktemp -d) || exit 2
trap 'rm -rf "$work"' EXIT

if [ -f "$name.cmd" ]; then arguments=$(cat "$name.cmd"); else arguments="run $name.tl"; fi
eval "\"$tl\" $arguments" >"$work/out" 2>"$work/stderr" </dev/null
status=$?
{ echo "exit $status"; cat "$work/stderr"; } >"$work/err"

if [ -n "$TL_ACCEPT" ]; then
  cp "$work/out" "$name.out"
  if [ "$status" != 0 ]; then cp "$work/err" "$name.err"; fi
  exit 0
fi
diff -u "$name.out" "$work/out"
same=$?
if [ -f "$name.err" ]; then
  diff -u "$name.err" "$work/err" || same=1
elif [ "$status" != 0 ]; then
  echo "exit status $status:"
  cat "$work/stderr"
  same=1
fi
exit $same

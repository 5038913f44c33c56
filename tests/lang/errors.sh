#!/bin/sh
# errors.sh PROGRAM CLASS: what wrong programs of one class are answered, in errors/CLASS.txt:
#
#   === what is wrong
#   Y = W[i] X[i]              the program, wrong.tl, which is run; or, with other arguments,
#   $ tl check --json wrong.tl      lines of the shell in front of it
#   --- 3                      the exit status, and all that is printed, by either stream
#   wrong.tl:1:5: error: ...
#
# TL_ACCEPT=1 writes what came instead, to be read before it is committed. For all classes at once,
# and all other golden files: TL_ACCEPT=1 ctest --test-dir build/release -R '^golden/'
tl=$(realpath "$1")
page=$(realpath "$(dirname "$0")/errors/$2.txt")
DATA=$(realpath "$(dirname "$0")/../io/data")
work=$(mktemp -d) || exit 2
trap 'rm -rf "$work"' EXIT
mkdir "$work/bin" "$work/at" && ln -s "$tl" "$work/bin/tl" && cd "$work/at" || exit 2
PATH=$work/bin:$PATH
export DATA PATH

# N.head, N.run and N.tl for each case; what stands before the first is kept.
awk -v at="$work/" '
  function out(kind, line) { print line > (at n "." kind) }
  BEGIN   { n = 0; printf "" > (at "0.head") }
  /^=== / { n++; answer = 0; printf "" > (at n ".tl"); printf "" > (at n ".run") }
  /^--- / { answer = 1 }
  answer  { next }
  n == 0 || /^=== / { out("head", $0); next }
  /^\$ /  { out("head", $0); out("run", substr($0, 3)); next }
  { out("head", $0); out("tl", $0) }
  END     { print n > (at "count") }' "$page"

cat "$work/0.head" >"$work/came"
i=1
while [ "$i" -le "$(cat "$work/count")" ]; do
  rm -rf ./*
  mv "$work/$i.tl" wrong.tl
  [ -s "$work/$i.run" ] || echo "tl run wrong.tl" >"$work/$i.run"
  timeout 20 sh "$work/$i.run" >"$work/answer" 2>&1 </dev/null
  status=$?
  { cat "$work/$i.head"; echo "--- $status"; cat "$work/answer"; echo; } >>"$work/came"
  i=$((i + 1))
done

if [ -n "$TL_ACCEPT" ]; then
  cp "$work/came" "$page"
  exit 0
fi
diff -u "$page" "$work/came"

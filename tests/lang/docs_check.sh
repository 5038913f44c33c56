#!/bin/sh
# docs_check.sh PROGRAM: run every ```tl example of docs/language.md and compare what it prints, or
# the error that refuses it, with the ```out block behind it.
# TL_ACCEPT=1 writes what came instead, to be read before it is committed.
tl=$(realpath "$1")
page=$(realpath "$(dirname "$0")/../../docs/language.md")
work=$(mktemp -d) || exit 2
trap 'rm -rf "$work"' EXIT
cd "$work" || exit 2

# N.tl and N.out for each pair of blocks; the page itself with the outputs left out.
awk '
  /^```tl$/  { n++; file = n ".tl"; printf "" > file; kept = kept $0 "\n"; next }
  /^```out$/ { file = n ".out"; printf "" > file; inside = 1; kept = kept $0 "\n"; next }
  /^```$/    { if (inside) kept = kept "@" n "\n"; kept = kept $0 "\n"; file = ""; inside = 0; next }
  file != "" { print > file }
  !inside    { kept = kept $0 "\n" }
  END        { printf "%s", kept > "page"; print n > "count" }' "$page"

failed=0
i=1
while [ "$i" -le "$(cat count)" ]; do
  mv "$i.tl" example.tl
  "$tl" run example.tl >came 2>&1 </dev/null
  if [ -n "$TL_ACCEPT" ]; then cp came "$i.out"; fi
  if ! diff -u "$i.out" came; then
    echo "example $i:"
    cat example.tl
    failed=1
  fi
  i=$((i + 1))
done

if [ -n "$TL_ACCEPT" ]; then
  awk '/^@[0-9]+$/ { file = substr($0, 2) ".out"; while ((getline line < file) > 0) print line; next }
       { print }' page >"$page"
fi
exit $failed

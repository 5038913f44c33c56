#!/bin/sh
# docs_check.sh FOLDER: the ```c blocks of docs/api.md are compiled against the library in FOLDER and
# run, each with a context of its own (```c top: at the top of the file), and what they print is
# compared with the ```out behind them; every function of the header stands in some block.
# TL_ACCEPT=1 writes what came instead, to be read before it is committed.
folder=$(realpath "$1")
root=$(realpath "$(dirname "$0")/../..")
page=$root/docs/api.md
work=$(mktemp -d) || exit 2
trap 'rm -rf "$work"' EXIT
cd "$work" || exit 2

awk '
  /^```c top$/ { where = "top"; kept = kept $0 "\n"; next }
  /^```c$/     { n++; where = "body"; kept = kept $0 "\n"; next }
  /^```out$/   { where = "out"; printf "" > (n ".out"); kept = kept $0 "\n@" n "\n"; next }
  /^```$/      { where = "" }
  where == "top"  { print > "top.c" }
  where == "body" { body[n] = body[n] $0 "\n" }
  where == "out"  { print > (n ".out") }
  where != "out"  { kept = kept $0 "\n" }
  END {
    for (i = 1; i <= n; i++)
      printf "static void example_%d(tl_context *ctx) {\n  (void)ctx;\n%s}\n", i, body[i] > "examples.c"
    printf "static void (*const example[])(tl_context *) = {" > "examples.c"
    for (i = 1; i <= n; i++) printf "example_%d, ", i > "examples.c"
    print "};" > "examples.c"
    printf "%s", kept > "page"
    print n > "count"
  }' "$page"
cat >all.c <<'END'
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <tensorlogic_ops.h>
#include "top.c"
#include "examples.c"
int main(int argc, char **argv) {
  (void)argc;
  tl_context *ctx = tl_open(NULL);
  example[atoi(argv[1]) - 1](ctx);
  tl_close(ctx);
  return 0;
}
END
cc -std=c11 -Wall -Wextra -Wno-unused-function -Werror -I"$root/include" all.c \
  "$folder/libtensorlogic.a" -ljansson -lzip -lm -lpthread -ldl -o all || exit 1

failed=0
i=1
while [ "$i" -le "$(cat count)" ]; do
  ./all "$i" >came 2>&1 || { echo "example $i fails"; failed=1; }
  if [ -n "$TL_ACCEPT" ]; then cp came "$i.out"; fi
  [ ! -f "$i.out" ] || diff -u "$i.out" came || { echo "in example $i"; failed=1; }
  i=$((i + 1))
done
sed -n 's/^TL_API .*[ *]\(tl_[a-z_]*\)(.*/\1/p' "$root/include/tensorlogic.h" | sort -u >functions
[ "$(wc -l <functions)" -gt 40 ] || { echo 'the functions of the header are not found'; failed=1; }
while read -r function; do
  grep -q "$function(" examples.c all.c || { echo "no example calls $function"; failed=1; }
done <functions
if [ -n "$TL_ACCEPT" ]; then
  awk '/^@[0-9]+$/ { file = substr($0, 2) ".out"; while ((getline line < file) > 0) print line; next }
       { print }' page >"$page"
fi
exit $failed

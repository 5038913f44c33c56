#!/bin/sh
# Files have at most 600 lines, lines at most 100 columns, no tab and no blank at the end;
# functions over 80 lines are named, without failing. tensorlogic_ops.h is written by a program.
cd "$(dirname "$0")/../.." || exit 2
LC_ALL=C
export LC_ALL
# shellcheck disable=SC2016
find src include app tests bench examples -name '*.[ch]' ! -name tensorlogic_ops.h 2>/dev/null | sort | xargs awk '
function complain(text) { printf "%s:%d: %s\n", FILENAME, FNR, text; bad = 1 }
function end_file() {
  if (lines > 600) { printf "%s: %d lines, over 600\n", file, lines; bad = 1 }
  if (wide) { printf "%s:%d: over 100 columns, the first of %d lines\n", file, first, wide; bad = 1 }
}
FNR == 1 { end_file(); file = FILENAME; start = wide = 0 }
{ lines = FNR }
/\t/ { complain("tab") }
/[ \r]$/ { complain("blank at the end of the line") }
{
  text = $0
  gsub(/[\200-\277]/, "", text)  # count characters, not bytes
  if (length(text) > 100 && ++wide == 1) first = FNR
}
/^[A-Za-z_].*\) *\{$/ { start = FNR }
/^}/ {
  if (start && FNR - start + 1 > 80)
    printf "%s:%d: note: a function of %d lines\n", FILENAME, start, FNR - start + 1
  start = 0
}
END { end_file(); exit bad }'

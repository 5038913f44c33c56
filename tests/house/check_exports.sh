#!/bin/sh
# check_exports.sh FOLDER: the libraries there show the world nothing but tl_* and TL_*.
status=0
check() {
  foreign=$(nm "$@" --defined-only | awk 'NF == 3 && $3 !~ /^(tl_|TL_)/ { print "  " $3 }')
  if [ -n "$foreign" ]; then
    printf '%s shows:\n%s\n' "$2" "$foreign"
    status=1
  fi
}
# Sanitizers add names of their own.
nm -D "$1/libtensorlogic.so" | grep -q ' U __[at]san_init' && exit 0
check -D "$1/libtensorlogic.so"
check -g "$1/libtensorlogic.a"
exit $status

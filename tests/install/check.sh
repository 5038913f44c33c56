#!/bin/sh
# check.sh BUILD VERSION: install BUILD into a folder of its own, see that all is there and nothing
# else is exported, and build and run line.c against it: in C and C++, shared and static, found by
# pkg-config and by find_package.
build=$(realpath "$1") version=$2
cd "$(dirname "$0")" || exit 2
work=$(mktemp -d) || exit 2
trap 'rm -rf "$work"' EXIT
prefix=$work/prefix
status=0
complain() { printf '%s\n' "$*"; status=1; }
loud() { "$@" >"$work/log" 2>&1 || { cat "$work/log"; complain "failed: $*"; }; }

loud cmake --install "$build" --prefix "$prefix"
so=$(find "$prefix" -name "libtensorlogic.so.$version")
lib=$(dirname "$so")
[ -n "$so" ] || { complain "no libtensorlogic.so.$version"; exit 1; }
for file in bin/tl include/tensorlogic.h include/tensorlogic_ops.h; do
  [ -f "$prefix/$file" ] || complain "missing: $file"
done
for file in libtensorlogic.a libtensorlogic.so pkgconfig/tensorlogic.pc; do
  [ -f "$lib/$file" ] || complain "missing: $lib/$file"
done
readelf -d "$so" | grep -q "SONAME.*\[libtensorlogic.so.${version%%.*}\]" || complain "wrong SONAME"
foreign=$(nm -D --defined-only "$so" | awk '$3 !~ /^tl_/ { print $3 }')
[ -z "$foreign" ] || complain "exported besides tl_*: $foreign"
grep -rl "$build" "$prefix" --include='*.cmake' --include='*.pc' && complain 'names the build folder'

# expect PROGRAM
expect() {
  said=$(LD_LIBRARY_PATH=$lib "$1") || complain "$1: status $?"
  [ "$said" = "TensorLogic $version: y = 2.000 x + 1.000" ] || complain "$1 says: $said"
}

# By pkg-config, whose prefix was set when the build was configured.
sed -i "s|^prefix=.*|prefix=$prefix|" "$lib/pkgconfig/tensorlogic.pc"
PKG_CONFIG_PATH=$lib/pkgconfig
export PKG_CONFIG_PATH
[ "$(pkg-config --modversion tensorlogic)" = "$version" ] || complain 'pkg-config: wrong version'
flags=$(pkg-config --cflags tensorlogic)
shared=$(pkg-config --libs tensorlogic)
# shellcheck disable=SC2086
static="$lib/libtensorlogic.a $(pkg-config --static --libs tensorlogic | sed 's/-ltensorlogic//')"
for kind in shared static; do
  eval "libs=\$$kind"
  # shellcheck disable=SC2086
  loud cc -std=c99 -Wall -Wextra -Wpedantic -Werror line.c $flags $libs -o "$work/c_$kind" &&
    expect "$work/c_$kind"
  # shellcheck disable=SC2086
  loud c++ -std=c++11 -Wall -Wextra -Wpedantic -Werror -x c++ line.c -x none $flags $libs \
    -o "$work/cpp_$kind" && expect "$work/cpp_$kind"
done

loud cmake -S . -B "$work/project" -DCMAKE_PREFIX_PATH="$prefix" -DWANTED="$version"
loud cmake --build "$work/project"
for kind in tensorlogic static; do
  expect "$work/project/c_$kind"
  expect "$work/project/cpp_$kind"
done
if cmake -S . -B "$work/later" -DCMAKE_PREFIX_PATH="$prefix" -DWANTED=99.0 >/dev/null 2>&1; then
  complain 'find_package takes version 99.0'
fi
exit $status

#!/bin/sh
# The public header stands alone, in old C, and in C++ where there is a compiler for it.
cd "$(dirname "$0")/../.." || exit 2
[ -f include/tensorlogic.h ] || exit 0
flags='-fsyntax-only -Wall -Wextra -Wpedantic -Werror -Iinclude'
status=0
compile() { printf '#include <tensorlogic_ops.h>\n' | "$@" - || status=1; }
# shellcheck disable=SC2086
compile cc -std=c99 $flags -x c
# shellcheck disable=SC2086
if command -v c++ >/dev/null 2>&1; then compile c++ -std=c++11 $flags -x c++; fi
exit $status

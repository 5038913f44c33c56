#!/bin/sh
# fuzz.sh FUZZER FOUND SEEDS...: run a libFuzzer program for TL_FUZZ_SECONDS, 4 unless told; what it
# learns goes to FOUND, what it breaks on lies beside it. A minute each, all of them:
#   TL_FUZZ_SECONDS=60 ctest --test-dir build/fuzz -L fuzz
fuzzer=$1
found=$2
shift 2
exec "$fuzzer" -max_total_time="${TL_FUZZ_SECONDS:-4}" -timeout=20 -rss_limit_mb=3000 \
  -max_len=4096 -verbosity=0 -print_final_stats=1 -artifact_prefix="$found." "$found" "$@"

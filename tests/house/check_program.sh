#!/bin/sh
# check_program.sh FOLDER: what `tl` there prints, where, and the exit status of each kind of end.
tl=$1/tl
status=0
work=$(mktemp -d) || exit 2
trap 'rm -rf "$work"' EXIT

complain() { printf '%s\n' "$*"; status=1; }

# ends STATUS ARGUMENT...: and nothing on standard output unless it is 0
ends() {
  want=$1
  shift
  "$tl" "$@" >"$work/out" 2>"$work/err" </dev/null
  got=$?
  [ $got = "$want" ] || complain "tl $*: status $got, not $want"
  [ "$want" = 0 ] || [ -s "$work/err" ] || complain "tl $*: fails without a word"
  [ "$want" = 0 ] || [ ! -s "$work/out" ] || complain "tl $*: errors on standard output"
}
says() { grep -q -e "$1" "$work/out" "$work/err" || complain "missing: $1"; }

printf 'X = [1, 2]\nW : f32[2] ~ constant(1)\nL = (X[i] W[i])^2\nL?\n' >"$work/good.tl"
printf 'X = [1, 2]\nY[i] = Z[i]\n' >"$work/bad.tl"

ends 0 --json bench matmul elementwise reductions activations transfers fusion --sizes 24
says '"category": "matmul", "name": "matmul", "size": 24'; says '"name": "layernorm_linear".*"apart_us"'
says '"summary": {"rows": .*"failed": 0'
ends 0 bench reductions --sizes 1000 --markdown; says '^| sum '
ends 2 bench matmull; says 'did you mean `matmul`'
ends 2 bench --sizes 12,x; says 'takes numbers'
ends 0 --version; says '^tl [0-9]'
ends 0 --help; says '^usage: tl'
ends 0 -e 'Y = 1 + 1; Y?'; says '^Y = 2$'
ends 0 --json -e 'Y = 1 + 1; Y?'; says '^{"query": "Y?", "value": 2}$'
ends 0 -e 'Y = 1 + 1; Y?' --device ref --threads 1; says '^Y = 2$'
ends 0 run "$work/good.tl"; says '^L = 9$'
ends 0 check "$work/good.tl"
[ ! -s "$work/out" ] || complain 'tl check prints'
ends 0 grad "$work/good.tl" L; says 'GW\[i\]'
"$tl" grad "$work/good.tl" L >"$work/gradient.tl" && ends 0 check "$work/gradient.tl"
ends 0 grad "$work/good.tl" L X; says 'GX\[i\]'
ends 0 explain "$work/good.tl"; says 'FLOP'
ends 0 explain --json "$work/good.tl"; says '"implementation"'
printf 'Y = 3; Y?' | "$tl" run - | grep -q '^Y = 3$' || complain 'tl run - does not read'

ends 0 doctor; says '^threads'; says '^CUDA driver'
ends 0 doctor --json; says '"processor"'
XDG_CACHE_HOME=$work/cache
export XDG_CACHE_HOME
ends 0 cache ls; says '^0 entries'
ends 0 cache clear
ends 2 cache; ends 2 cache dust

ends 2; ends 2 fly; ends 2 run; ends 2 run a b; ends 2 --wings; ends 2 -e; ends 2 --threads many -e ''
ends 0 repl; ends 2 repl a b
ends 2 grad "$work/good.tl" Nothing; says 'Nothing'
ends 3 run "$work/bad.tl"; says 'bad.tl:2:8: error: '; says '^  Y\[i\] = Z\[i\]$'
ends 3 check "$work/bad.tl"
ends 3 --json check "$work/bad.tl"; says '"line": 2'
ends 1 run "$work/nowhere.tl"; says 'nowhere.tl'
ends 4 --device abacus -e 'Y = 1'; says 'abacus'

# The first interrupt ends a training run.
printf 'W : f32[9] ~ constant(1)\nL = W[i]^2\nminimize(L, sgd(lr=1e-9), steps=1000000000)\n' >"$work/long.tl"
"$tl" run "$work/long.tl" 2>"$work/err" &
child=$!
sleep 1
kill -INT $child
wait $child
[ $? = 130 ] || complain 'an interrupt does not end with 130'

exit $status

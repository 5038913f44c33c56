#!/bin/sh
# gringo_check.sh PROGRAM [FIRST LAST]: random stratified programs give what gringo makes of them.
# Exits 77 where there is no gringo.
tl=$(realpath "$1")
here=$(realpath "$(dirname "$0")")
command -v gringo >/dev/null || { echo 'gringo is not installed'; exit 77; }
work=$(mktemp -d) || exit 2
trap 'rm -rf "$work"' EXIT
cd "$work" || exit 2

failed=0
seed=${2-1}
while [ "$seed" -le "${3-100}" ]; do
  rm -f p.*
  awk -v seed="$seed" -v out=p -f "$here/gringo.awk"
  # Questions with a key first, while nothing else was asked.
  while read -r name arity key; do
    case $arity in 1) continue ;; 2) at=q ;; *) at=q,r ;; esac
    echo "print(\"$name,$key\"); $name($key,$at)?" >>p.tl
  done <p.names
  while read -r name arity key; do
    case $arity in 1) at=p ;; 2) at=p,q ;; *) at=p,q,r ;; esac
    echo "print(\"$name\"); $name($at)?" >>p.tl
  done <p.names
  "$tl" run p.tl >p.out 2>&1 || { cat p.tl p.out; echo "seed $seed: refused"; exit 1; }
  awk 'NR == FNR { is[$1] = is[$1 "," $3] = 1; next }
       ($1 in is) && NF == 1 { name = $1; next }
       { print name, $0 }' p.names p.out | sort >p.got
  gringo --text p.lp 2>/dev/null | sed -n 's/^\(..\)(\(.*\))\.$/\1,\2/p' | tr , ' ' |
    awk '{ for (i = 1; i <= NF; i++) $i = toupper(substr($i, 1, 1)) substr($i, 2); print }' |
    awk 'NR == FNR { key[$1] = $3; next }
         { print }
         NF > 2 && $2 == key[$1] { $1 = $1 "," $2; $2 = ""; $0 = $0; $1 = $1; print }' p.names - |
    sort -u >p.want
  if ! cmp -s p.want p.got; then
    cat p.tl
    diff p.want p.got | sed 's/^</gringo:/; s/^>/tl:    /'
    echo "seed $seed differs"
    failed=1
  fi
  seed=$((seed + 1))
done
exit $failed

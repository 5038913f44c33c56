#!/bin/sh
# grammar_check.sh: the grammar of docs/language.md, its ```grammar block, is what stands as comments
# above the functions that parse it, and every name in it is a production or a class of words.
# TL_ACCEPT=1 writes the block anew.
cd "$(dirname "$0")/../.." || exit 2
work=$(mktemp -d) || exit 2
trap 'rm -rf "$work"' EXIT
page=docs/language.md

# A production begins with `name = ` in a comment, and goes on in lines that begin with `|`.
for part in parse parse_statements parse_relations parse_declarations parse_commands \
    parse_expressions parse_operands lex lex_literals; do
  awk '
    { line = $0; inside = /^\/\*/ || /^ \*/; last = /\*\/$/; sub(/ *\*\/$/, "", line) }
    inside && line ~ /^(\/\*| \*) +[a-z-]+ += / && !/[.] *$/ {
      sub(/^(\/\*| \*) +/, "", line)
      name = line; sub(/ *= .*/, "", name); sub(/^[a-z-]+ += /, "", line)
      printf "%-12s= %s\n", name, line
      going = 1
      next
    }
    inside && going && line ~ /^ \* +\| / { sub(/^ \* +/, "", line); printf "%-12s%s\n", "", line; next }
    { going = 0 }' "src/lang/$part.c"
done >"$work/grammar"

# Names that stand for no production: classes of characters and words.
awk '
  { text = $0; gsub(/"[^"]*"|\047"\047/, " ", text); gsub(/[][{}()|=]/, " ", text) }
  /^[a-z]/ { name = $1; made[name]++; sub(/^[a-z-]+/, "", text) }
  { n = split(text, word, " "); for (i = 1; i <= n; i++) used[word[i]] = name }
  END {
    split("letter digit character line-end command-name capitalised-name lower-case-name " \
          "function-name", class, " ")
    for (i in class) made[class[i]]++
    for (w in used) if (!made[w]) { print w ", of " used[w] ", is no production"; bad = 1 }
    for (w in made) if (!used[w] && w != "program") { print w " stands in no production"; bad = 1 }
    for (w in made) if (made[w] > 1) { print w " has " made[w] " productions"; bad = 1 }
    exit bad
  }' "$work/grammar" || { cat "$work/grammar"; exit 1; }

awk -v new="$work/grammar" '
  /^```grammar$/ { print; while ((getline line < new) > 0) print line; inside = 1; next }
  /^```$/        { inside = 0 }
  !inside        { print }' "$page" >"$work/page"
if [ -n "$TL_ACCEPT" ]; then
  cp "$work/page" "$page"
  exit 0
fi
grep -q '^```grammar$' "$page" || { echo "$page has no grammar block"; exit 1; }
diff -u "$page" "$work/page"

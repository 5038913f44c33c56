# gringo.awk -v seed=N -v out=PREFIX: a random stratified program in two spellings, PREFIX.tl and
# PREFIX.lp, and in PREFIX.names its relations, one a line, with their numbers of positions and a
# key to ask for.
function draw(n) { return int(rand() * n) }
function both(tl, lp) { left = left tl; right = right lp }
function symbol(i) { return substr("abcde", i + 1, 1) }

# a constant or variable, in both spellings
function put_key(k) { if (numbers) both(k, k); else both(toupper(symbol(k)), symbol(k)) }
function put_variable(v) { both(v, toupper(v)); used[v] = 1 }
function put_term(   d) {
  d = draw(20)
  if (d < 2) put_key(draw(5))
  else if (d < 4) both("_", "_")
  else put_variable(substr("xyz", draw(3) + 1, 1))
}
# what is negated or stands in the head: variables that are bound
function put_bound(any,   v, i, n, list) {
  for (v in used) list[n++] = v
  if (any && draw(4) == 0) both("_", "_")
  else if (n == 0 || draw(8) == 0) put_key(draw(5))
  else {
    # by their order in the alphabet: the order of `in` is not the same everywhere
    i = draw(n)
    for (v = 0; v < 5; v++) {
      if (!(substr("xyzvw", v + 1, 1) in used)) continue
      if (i-- == 0) { both(substr("xyzvw", v + 1, 1), toupper(substr("xyzvw", v + 1, 1))); return }
    }
  }
}
function put_atom(r,   i) {
  both(name[r] "(", tolower(name[r]) "(")
  for (i = 0; i < arity[r]; i++) { if (i) both(",", ","); put_term() }
  both(")", ")")
}
# v becomes what there is behind x: how many, their sum; of something, their least and largest
function put_aggregate(r,   what, some) {
  what = draw(4)
  if (what == 0) both("v = count[w](" name[r] "(x,w))", "V = #count{ W : " tolower(name[r]) "(X,W) }")
  else {
    what = what == 1 ? "sum" : what == 2 ? "min" : "max"
    some = what == "sum" ? "" : name[r] "(x,_), "
    both(some "v = " what "[w](w " name[r] "(x,w))", \
         tolower(substr(some, 1, 2)) (some == "" ? "" : "(X,_), ") \
         "V = #" what "{ W : " tolower(name[r]) "(X,W) }")
  }
  used["v"] = 1
}

function rule(head, below,   n, i, r, body_left, body_right, any) {
  left = right = ""
  delete used
  n = 1 + draw(3)
  for (i = 0; i < n; i++) {
    if (i) both(", ", ", ")
    put_atom(draw(i == 0 ? below : head + 1))
  }
  if (draw(3) == 0) {
    r = draw(below)
    both(", not " name[r] "(", ", not " tolower(name[r]) "(")
    for (i = 0; i < arity[r]; i++) { if (i) both(",", ","); put_bound(1) }
    both(")", ")")
  }
  any = 0
  for (i in used) any = 1
  if (any && draw(3) == 0) {
    both(", ", ", ")
    put_bound(0)
    i = draw(numbers ? 4 : 2)
    both(substr("!===< <=", 2 * i + 1, 2), substr("!===< <=", 2 * i + 1, 2))
    put_bound(0)
  }
  if (numbers && ("x" in used) && ("y" in used) && draw(3) == 0) {
    both(", v = (x + 2 * y) % 5", ", V = (X + 2 * Y) \\ 5")
    used["v"] = 1
  } else if (numbers && ("x" in used) && draw(2) == 0) {
    for (r = draw(below); arity[r] != 2 && r < below - 1; r++) ;
    if (arity[r] == 2) { both(", ", ", "); put_aggregate(r) }
  }
  body_left = left; body_right = right
  left = right = ""
  both(name[head] "(", tolower(name[head]) "(")
  for (i = 0; i < arity[head]; i++) {
    if (i) both(",", ",")
    if (numbers && ("x" in used) && draw(6) == 0) both("(x + 1) % 5", "(X+1) \\ 5")
    else put_bound(0)
  }
  both(")", ")")
  print left " <- " body_left > (out ".tl")
  print right " :- " body_right "." > (out ".lp")
}

BEGIN {
  srand(seed)
  numbers = draw(2)
  levels = 3
  for (r = 0; r < 3 + 2 * levels; r++) {
    name[r] = substr("ABCDEFGHI", r + 1, 1) "r"
    arity[r] = r == 0 ? 1 : r == 1 ? 2 : 1 + draw(3)
    print name[r], arity[r], (numbers ? draw(5) : toupper(symbol(draw(5)))) > (out ".names")
  }
  for (r = 0; r < 3; r++)
    for (n = 3 + draw(9); n > 0; n--) {
      left = right = ""
      both(name[r] "(", tolower(name[r]) "(")
      for (i = 0; i < arity[r]; i++) { if (i) both(",", ","); put_key(draw(5)) }
      both(")", ")")
      print left > (out ".tl")
      print right "." > (out ".lp")
    }
  for (l = 0; l < levels; l++)
    for (k = 0; k < 2; k++)
      for (n = 1 + draw(3); n > 0; n--) rule(3 + 2 * l + k, 3 + 2 * l)
}

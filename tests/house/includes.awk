# The rooms each room may include, besides itself.
BEGIN {
  below["base"] = ""
  below["ir"] = "base"
  below["kernel"] = "base ir"
  below["pass"] = "base ir"
  below["sched"] = "base ir kernel pass"
  below["device"] = "base ir kernel"
  below["run"] = "base ir kernel pass sched device"
  below["rel"] = "base ir run"
  below["io"] = below["run"] " run"
  below["train"] = below["io"] " io"
  below["lang"] = below["train"] " train rel"
  below["api"] = below["lang"] " lang"
  system_only["jansson.h"] = "io"
  system_only["zip.h"] = "io"
}

function complain(text) {
  printf "%s:%d: %s\n", FILENAME, FNR, text
  bad = 1
}

function folder_of(path) { sub(/\/[^\/]*$/, "", path); return path }
function name_of(path) { sub(/.*\//, "", path); return path }
function is_door(path) { return path ~ /\.def$/ || name_of(path) == name_of(folder_of(path)) ".h" }
function sees(room, other) { return index(" " below[room] " ", " " other " ") > 0 }

function exists(path,   line, found) {
  found = (getline line < path) >= 0
  close(path)
  return found
}

FNR == 1 {
  top = FILENAME
  sub(/\/.*/, "", top)
  folder = folder_of(FILENAME)
  room = folder
  sub(/^src\//, "", room)
  sub(/\/.*/, "", room)
  if (top == "src" && !(room in below)) complain("room " room " is not in the table of includes.awk")
}

/^#[ \t]*include[ \t]*</ {
  split($0, part, /[<>]/)
  if (part[2] == "tensorlogic.h") from_inside("tensorlogic.h")
  if (part[2] in system_only && top == "src" && room != system_only[part[2]])
    complain("<" part[2] "> belongs to " system_only[part[2]])
}

/^#[ \t]*include[ \t]*"/ {
  split($0, part, "\"")
  if (top == "src") from_room(part[2]); else from_outside(part[2])
}

function from_inside(path) {
  if (top == "src" && room != "api") complain("the public header is for api")
}

function from_outside(path) {
  if (path == "tensorlogic.h") return
  if (path ~ /\// || !exists(folder "/" path)) complain(top " sees the public header only, not " path)
}

function from_room(path,   other, target) {
  if (path == "tensorlogic.h") { from_inside(path); return }
  target = "src/" path
  if (path !~ /\// || !exists(target)) { complain("not written from src/: \"" path "\""); return }
  other = path
  sub(/\/.*/, "", other)
  if (other != room) {
    if (!sees(room, other)) complain(room " lies below " other " or beside it: " path)
    else if (folder_of(path) != other || !is_door(path)) complain(other " is entered by its door, not " path)
  } else if (index(folder "/", folder_of(target) "/") != 1 && !is_door(target)) {
    complain(folder_of(path) " is entered by its door, not " path)
  }
}

END { exit bad }

#!/bin/sh
# numpy_check.sh PROGRAM: files go from NumPy to the language and back, in both directions; 77 where
# there is no NumPy.
tl=$(realpath "$1")
for python in python3 /usr/bin/python3; do
  "$python" -c 'import numpy' 2>/dev/null && break
  python=
done
[ -n "$python" ] || { echo "skipped: there is no python3 with numpy"; exit 77; }
work=$(mktemp -d) || exit 2
trap 'rm -rf "$work"' EXIT
cd "$work" || exit 2

"$python" - <<'END' || exit 1
import numpy as np
r = np.random.default_rng(7)
kinds = {"f2": "<f2", "f4": "<f4", "f8": "<f8", "i4": "<i4", "i8": "<i8", "b": "?", "big": ">f4", "u1": "u1"}
program = []
for name, kind in kinds.items():
    x = r.standard_normal((3, 4)) * 50
    x = (x > 0) if kind == "?" else np.abs(x).astype(kind) if kind == "u1" else x.astype(kind)
    np.save(name + ".npy", x)
    np.save(name + "_f.npy", np.asfortranarray(x))
    for n in (name, name + "_f"):
        program.append(f'T{n} = "{n}.npy"\n"{n}_back.npy" = T{n}')
np.save("scalar.npy", np.float32(2.5))
np.save("empty.npy", np.zeros((0, 3), np.float32))
np.savez("many.npz", A=np.arange(6.0).reshape(2, 3))
np.savez_compressed("packed.npz", A=np.arange(6.0).reshape(2, 3) / 3)
for n in ("scalar.npy", "empty.npy", "many.npz", "packed.npz"):
    stem = n.split(".")[0]
    program.append(f'S{stem} = "{n}"\n"{stem}_back.npy" = S{stem}')
program.append('Y[i,j] = 2 Smany[i,j]\n"made.npz" = Y\n"made.csv" = Y\n"made.idx" = Y')
open("all.tl", "w").write("\n".join(program) + "\n")
END
"$tl" run all.tl || exit 1
"$python" - <<'END'
import numpy as np, sys
bad = 0
def same(name, a, b, kind=None):
    global bad
    if a.shape != b.shape or not np.array_equal(a, b) or (kind and b.dtype != kind):
        print(name, a.dtype, a.shape, b.dtype, b.shape)
        bad = 1
own = {"f2": "f2", "f4": "f4", "f8": "f8", "i4": "i4", "i8": "i8", "b": "?", "big": "f4", "u1": "i4"}
for name, kind in own.items():
    for n in (name, name + "_f"):
        same(n, np.load(n + ".npy"), np.load(n + "_back.npy"), np.dtype(kind))
same("scalar", np.load("scalar.npy"), np.load("scalar_back.npy"))
same("empty", np.load("empty.npy"), np.load("empty_back.npy"))
for n in ("many", "packed"):
    same(n, np.load(n + ".npz")["A"], np.load(n + "_back.npy"))
want = 2 * np.arange(6.0).reshape(2, 3)
made = np.load("made.npz")
same("made.npz", want, made[made.files[0]])
same("made.csv", want, np.loadtxt("made.csv", delimiter=",", ndmin=2))
raw = open("made.idx", "rb").read()
same("made.idx", want, np.frombuffer(raw[12:], ">f8" if raw[2] == 14 else ">f4").reshape(2, 3))
sys.exit(bad)
END

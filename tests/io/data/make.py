"""Makes the files beside it, with numpy and safetensors, so that the tests read what others wrote."""
import os
import numpy as np
from numpy.lib import format as npy
from safetensors.numpy import save_file, save

os.chdir(os.path.dirname(os.path.abspath(__file__)))

# Each type: its ends, and something between.
for code in "i1 u1 i2 u2 i4 u4 i8 u8".split():
    info = np.iinfo(code)
    top = min(info.max, np.iinfo("i8").max)
    np.save(code + ".npy", np.array([[info.min, 0, 1], [2, 3, top]], code))
for code in "f2 f4 f8".split():
    np.save(code + ".npy", np.array([[0.5, -1.5, np.inf], [-0.0, 2.0**-14, 1024]], code))
np.save("b1.npy", np.array([True, False, True]))
np.save("big_i2.npy", np.array([[-2, 258], [3, 4]], ">i2"))
np.save("big_f8.npy", np.array([1.25, -3], ">f8"))
count = np.arange(24, dtype="i4").reshape(2, 3, 4)
np.save("fortran.npy", np.asfortranarray(count))
np.save("fortran_big_u1.npy", np.asfortranarray(np.arange(6, dtype="u1").reshape(2, 3)))
np.save("scalar.npy", np.array(2.5))
np.save("empty.npy", np.zeros((0, 3), "f4"))
for version in 2, 3:
    with open(f"version{version}.npy", "wb") as file:
        npy.write_array(file, np.arange(3, dtype="f4"), version=(version, 0))
np.save("complex.npy", np.zeros(2, "c8"))
np.save("record.npy", np.zeros(2, [("a", "i4"), ("b", "f4")]))
np.save("nine.npy", np.zeros((1,) * 9, "b1"))

np.savez("plain.npz", w=np.arange(6, dtype="f4").reshape(2, 3), n=np.array([7], "i8"))
np.savez_compressed("packed.npz", zeros=np.zeros((50, 40), "f8"), ones=np.ones(3, "u1"))

save_file({"w": np.arange(6, dtype="f4").reshape(2, 3), "h": np.array([0.5, -2], "f2"),
           "d": np.array(2.5), "flags": np.array([True, False]), "bytes": np.array([-1, 5], "i1"),
           "wide": np.array([2**40], "i8")}, "mixed.safetensors", {"made by": "numpy", "é": "ü"})
with open("none.safetensors", "wb") as file:
    file.write(save({}))

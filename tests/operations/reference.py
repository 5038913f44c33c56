"""What every sample of the table of operations gives, by NumPy: python3 reference.py >expected.txt

The table says which samples there are; sample.c makes the same numbers as value() here. One line a
sample: name | sample | shape | elements."""
import math
import re
import sys
from pathlib import Path

import numpy as np

TABLE = Path(__file__).resolve().parents[2] / "src/api/operations.def"
erf = np.vectorize(math.erf)


def value(i, n, kind, below):
    k = np.arange(n, dtype=np.int64)
    scrambled = (k * 37 + i * 11 + 5) % 101
    v = (scrambled - 50) / 51 + 0.004 + 0.0001 * i
    return {"i": scrambled % max(below, 1), "b": scrambled % 2 == 1, "p": 0.3 + abs(v)}.get(kind, v)


def tensor(i, text):
    if text == "_":
        return None
    if text == "s":
        return value(i, 1, "", 0)[0]
    sizes, kind, below = re.fullmatch(r"([\d,]+)([a-z]?)(\d*)", text).groups()
    sizes = [int(s) for s in sizes.split(",")]
    return value(i, math.prod(sizes), kind, int(below or 0)).reshape(sizes)


def rows():
    text = re.sub(r'"\s*\n\s*"', "", TABLE.read_text().split("*/", 1)[1])
    for name, columns in re.findall(r"^OPERATION\((\w+), (.*?)\)$", text, re.M | re.S):
        yield name, re.findall(r'"((?:[^"\\]|\\.)*)"', columns)[3]


def axes(a):
    return tuple(int(x) for x in a["axes"]) if "axes" in a else None


def axis(a, otherwise=-1):
    return int(a.get("axis", [otherwise])[0])


def keep(a):
    return a.get("keepdims", [0])[0] == 1


def number(a, name, otherwise):
    return a.get(name, [otherwise])[0]


def pair(a, name, otherwise):
    p = [int(x) for x in a.get(name, otherwise)]
    return p * 2 if len(p) == 1 else p


def reduced(f):
    return lambda a, x: f(x, axis=axes(a), keepdims=keep(a))


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


def gelu(x):
    return 0.5 * x * (1 + erf(x / math.sqrt(2)))


def gelu_tanh(x):
    return 0.5 * x * (1 + np.tanh(math.sqrt(2 / math.pi) * (x + 0.044715 * x**3)))


def relu(x):
    return np.maximum(x, 0)


def softmax(x, axis=-1):
    e = np.exp(x - x.max(axis=axis, keepdims=True))
    return e / e.sum(axis=axis, keepdims=True)


def padded(x, p, filler):
    return np.pad(x, ((0, 0), (0, 0), (p[0], p[0]), (p[1], p[1])), constant_values=filler)


def windows(x, kernel, stride, dilation=(1, 1)):
    """[n, c, y, x, v, u]"""
    n = [(x.shape[2 + d] - dilation[d] * (kernel[d] - 1) - 1) // stride[d] + 1 for d in (0, 1)]
    out = np.zeros(x.shape[:2] + tuple(n) + tuple(kernel))
    for y in range(n[0]):
        for z in range(n[1]):
            for v in range(kernel[0]):
                for u in range(kernel[1]):
                    at = y * stride[0] + v * dilation[0], z * stride[1] + u * dilation[1]
                    out[:, :, y, z, v, u] = x[:, :, at[0], at[1]]
    return out


def conv2d(a, x, w, b=None):
    s, p, d = pair(a, "stride", [1]), pair(a, "padding", [0]), pair(a, "dilation", [1])
    y = np.einsum("ncyxvu,ocvu->noyx", windows(padded(x, p, 0), w.shape[2:], s, d), w)
    return y if b is None else y + b[:, None, None]


def pool(f, filler):
    def run(a, x):
        k = pair(a, "kernel_size", [1])
        s, p = pair(a, "stride", k), pair(a, "padding", [0])
        return f(windows(padded(x, p, filler), k, s), axis=(4, 5))
    return run


def norm(x, over, eps, w=None, b=None):
    y = (x - x.mean(axis=over, keepdims=True)) / np.sqrt(x.var(axis=over, keepdims=True) + eps)
    y = y if w is None else y * w
    return y if b is None else y + b


def by_channel(x, v):
    return v.reshape((1, -1) + (1,) * (x.ndim - 2))


def batch_norm(a, x, m, v, w=None, b=None):
    y = (x - by_channel(x, m)) / np.sqrt(by_channel(x, v) + number(a, "eps", 1e-5))
    y = y if w is None else y * by_channel(x, w)
    return y if b is None else y + by_channel(x, b)


def batch_norm_train(a, x, w=None, b=None):
    over = (0,) + tuple(range(2, x.ndim))
    return batch_norm(a, x, x.mean(axis=over), x.var(axis=over), w, b)


def plus(y, c):
    return y if c is None else y + c


def scatter_add(a, x, i, s):
    y = x.copy()
    at = list(np.indices(i.shape))
    at[axis(a)] = i
    np.add.at(y, tuple(at), s)
    return y


def scores(a, q, k):
    s = q @ np.swapaxes(k, -1, -2) * number(a, "scale", 1 / math.sqrt(q.shape[-1]))
    if number(a, "causal", 0):
        s = np.where(np.tril(np.ones(s.shape[-2:], bool)), s, -np.inf)
    return softmax(s)


def crossentropy(a, x, t):
    return -np.mean(np.take_along_axis(np.log(softmax(x)), t[..., None], -1))


def sliced(a, x):
    at = [slice(None)] * x.ndim
    end = a["stop"][0] if "stop" in a else None
    at[axis(a)] = slice(int(number(a, "start", 0)), end if end is None else int(end),
                        int(number(a, "step", 1)))
    return x[tuple(at)]


def linear_batchnorm_relu(a, x, w, c, m, v, g=None, b=None):
    y = (x @ w + c - m) / np.sqrt(v + number(a, "eps", 1e-5))
    return relu(plus(y if g is None else y * g, b))


ACTIVATIONS = [lambda x: x, relu, gelu, gelu_tanh, lambda x: x * sigmoid(x), sigmoid, np.tanh]
TYPES = [np.float16, None, np.float32, np.float64, np.int32, np.int64, bool]

REFERENCE = {
    "add": lambda a, x, y: x + y, "sub": lambda a, x, y: x - y, "mul": lambda a, x, y: x * y,
    "div": lambda a, x, y: x / y, "pow": lambda a, x, y: x**y,
    "remainder": lambda a, x, y: np.remainder(x, y),
    "minimum": lambda a, x, y: np.minimum(x, y), "maximum": lambda a, x, y: np.maximum(x, y),
    "equal": lambda a, x, y: x == y, "not_equal": lambda a, x, y: x != y,
    "less": lambda a, x, y: x < y, "less_equal": lambda a, x, y: x <= y,
    "greater": lambda a, x, y: x > y, "greater_equal": lambda a, x, y: x >= y,
    "where": lambda a, c, x, y: np.where(c, x, y),
    "neg": lambda a, x: -x, "abs": lambda a, x: abs(x), "sign": lambda a, x: np.sign(x),
    "floor": lambda a, x: np.floor(x), "round": lambda a, x: np.round(x),
    "exp": lambda a, x: np.exp(x), "log": lambda a, x: np.log(x), "sqrt": lambda a, x: np.sqrt(x),
    "rsqrt": lambda a, x: 1 / np.sqrt(x), "sin": lambda a, x: np.sin(x),
    "cos": lambda a, x: np.cos(x), "erf": lambda a, x: erf(x),
    "clamp": lambda a, x: np.clip(x, number(a, "low", -np.inf), number(a, "high", np.inf)),
    "cast": lambda a, x: x.astype(TYPES[int(a["type"][0])]),
    "relu": lambda a, x: relu(x),
    "gelu": lambda a, x: gelu_tanh(x) if number(a, "tanh", 0) else gelu(x),
    "silu": lambda a, x: x * sigmoid(x), "sigmoid": lambda a, x: sigmoid(x),
    "tanh": lambda a, x: np.tanh(x), "softmax": lambda a, x: softmax(x, axis(a)),
    "log_softmax": lambda a, x: np.log(softmax(x, axis(a))),
    "sum": reduced(np.sum), "mean": reduced(np.mean), "max": reduced(np.max),
    "min": reduced(np.min), "prod": reduced(np.prod),
    "argmax": lambda a, x: np.argmax(x, axis=axis(a), keepdims=keep(a)),
    "argmin": lambda a, x: np.argmin(x, axis=axis(a), keepdims=keep(a)),
    "matmul": lambda a, x, y: x @ y, "matmul_bias": lambda a, x, y, c: x @ y + c,
    "matmul_activation": lambda a, x, y, c=None:
        ACTIVATIONS[int(a["activation"][0])](plus(x @ y, c)),
    "conv2d": conv2d, "max_pool2d": pool(np.max, -np.inf), "avg_pool2d": pool(np.mean, 0),
    "layer_norm": lambda a, x, w=None, b=None:
        norm(x, axes(a) or (-1,), number(a, "eps", 1e-5), w, b),
    "rms_norm": lambda a, x, w=None: x / np.sqrt(
        (x * x).mean(axis=axes(a) or (-1,), keepdims=True) + number(a, "eps", 1e-5))
        * (1 if w is None else w),
    "batch_norm": batch_norm, "batch_norm_train": batch_norm_train,
    "embedding": lambda a, i, w: w[i],
    "gather": lambda a, x, i: np.take_along_axis(
        x[tuple(slice(None) if d == axis(a) else slice(0, i.shape[d]) for d in range(x.ndim))],
        i, axis(a)),
    "take": lambda a, x, i: np.take(x, i, axis(a)), "scatter_add": scatter_add,
    "concat": lambda a, *x: np.concatenate(x, axis(a, 0)),
    "split": lambda a, x: np.split(x, int(a["sections"][0]), axis(a, 0))[int(a["section"][0])],
    "slice": sliced, "flip": lambda a, x: np.flip(x, axis(a)),
    "transpose": lambda a, x: np.transpose(x, axes(a)),
    "reshape": lambda a, x: np.reshape(x, [int(n) for n in a["shape"]]),
    "cumsum": lambda a, x: np.cumsum(x, axis(a)), "sort": lambda a, x: np.sort(x, axis(a)),
    "topk": lambda a, x: np.take(-np.sort(-x, axis(a)), range(int(a["k"][0])), axis(a)),
    "add_relu": lambda a, x, y: relu(x + y), "mul_relu": lambda a, x, y: relu(x * y),
    "affine": lambda a, x, s, b: x * s + b,
    "linear_residual_relu": lambda a, x, w, c, r: relu(x @ w + c + r),
    "gelu_linear": lambda a, x, w, c=None: plus(gelu(x) @ w, c),
    "linear_batchnorm_relu": linear_batchnorm_relu,
    "layernorm_linear": lambda a, x, w, c=None, g=None, b=None:
        plus(norm(x, -1, number(a, "eps", 1e-5), g, b) @ w, c),
    "softmax_crossentropy": crossentropy, "attention_scores": scores,
    "attention": lambda a, q, k, v: scores(a, q, k) @ v,
}


def main():
    for name, samples in rows():
        for sample in filter(None, (s.strip() for s in samples.split(";"))):
            given, attributes = [], {}
            for word in sample.split():
                if "=" in word:
                    key, v = word.split("=")
                    attributes.setdefault(key, []).append(float(v))
                else:
                    given.append(tensor(len(given), word))
            y = np.asarray(REFERENCE[name](attributes, *given))
            shape = ",".join(map(str, y.shape))
            elements = " ".join(f"{float(v):.12g}" for v in y.ravel())
            print(f"{name} | {sample} | {shape} | {elements}")


sys.exit(main())

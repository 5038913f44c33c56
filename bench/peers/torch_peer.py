"""Measures with PyTorch what `tl bench --peers` asks for: a line a case, an answer a line.

asked:    name TAB expression TAB copies TAB folder {TAB input sizes...}
answered: microseconds of a call, of a call in a CUDA graph, of a compiled call in a CUDA graph
          (0: not measured), and the largest difference from the result in the folder
"""
import statistics
import sys
import time

try:
    import torch
    import torch.nn.functional as F
except ImportError as error:
    print(f"error: {error}", flush=True)
    sys.exit(1)

device, threads = sys.argv[1], int(sys.argv[2])
gpu = device == "cuda"
if gpu and not torch.cuda.is_available():
    print("error: PyTorch sees no GPU", flush=True)
    sys.exit(1)
if threads > 0:
    torch.set_num_threads(threads)
kind = torch.float16 if gpu else torch.float32  # half precision on the CPU is PyTorch's slow path
wide = torch.float32
where = torch.cuda.get_device_name() if gpu else f"{torch.get_num_threads()} threads, f32"
print(f"PyTorch {torch.__version__}, {where}", flush=True)


def timed(job, calls_for=4000.0, rounds=7):
    """Median microseconds of a call."""
    sync = torch.cuda.synchronize if gpu else lambda: None

    def run(calls):
        sync()
        begin = time.perf_counter()
        for _ in range(calls):
            job()
        sync()
        return (time.perf_counter() - begin) * 1e6

    run(2)
    calls, once = 1, run(1)
    while once < calls_for and calls < 100000:
        calls = min(8 * calls, int(1.2 * calls_for / max(once, 1.0) * calls) + 1)
        once = run(calls)
    return statistics.median(run(calls) for _ in range(rounds)) / calls


def graphed(jobs):
    stream = torch.cuda.Stream()
    with torch.cuda.stream(stream):
        for job in jobs[:2]:
            job()
        torch.cuda.synchronize()
        graph = torch.cuda.CUDAGraph()
        with torch.cuda.graph(graph, stream=stream):
            for job in jobs:
                job()
        return timed(graph.replay) / len(jobs)


def load(folder, name, sizes):
    with open(f"{folder}/{name}", "rb") as file:
        raw = torch.frombuffer(bytearray(file.read()), dtype=torch.float16)
    return raw.reshape(sizes).to(device=device, dtype=kind)


def answer(line):
    name, text, copies, folder, *inputs = line.rstrip("\n").split("\t")
    first = {}
    for spec in inputs:
        label, *sizes = spec.split(" ")
        first[label] = load(folder, label, [int(size) for size in sizes])
    labels = sorted(first)
    function = eval(f"lambda {', '.join(labels)}: {text}")  # the text is the program's own
    sets = [[first[label].clone() for label in labels] for _ in range(int(copies))]
    result = function(*sets[0]).to(torch.float32).cpu().flatten()
    ours = load(folder, "result", [-1]).to(torch.float32).cpu()
    difference = -1.0
    if ours.numel() == result.numel():
        apart = torch.where(ours == result, 0, (ours - result).abs())  # infinities are equal
        largest = result[result.isfinite()].abs().max().clamp_min(1e-20)
        difference = float(apart.max() / largest)
    call = timed(lambda: function(*sets[0]))
    plan = compiled = 0.0
    if gpu:
        plan = graphed([lambda s=s: function(*s) for s in sets])
        torch._dynamo.reset()
        fast = torch.compile(function)
        fast(*sets[0])
        compiled = graphed([lambda s=s: fast(*s) for s in sets])
    return f"{call} {plan} {compiled} {difference}"


with torch.no_grad():
    for line in sys.stdin:
        try:
            print(answer(line), flush=True)
        except Exception as error:  # one case that fails is not the end of the others
            print(f"{type(error).__name__}: {error}", file=sys.stderr)
            print("0 0 0 -1", flush=True)

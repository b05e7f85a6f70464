"""What the peers need on this machine: one measurement per process, one JSON line on standard output.

compare.py starts it; by hand: python peers.py torch gemm-1024-nn --threads 2 --rounds 5
Development only: Outpost itself needs no Python. A peer that cannot be imported ends with code 3.
"""
import argparse
import json
import statistics
import sys
import time

GEMM = {"512": (512, 512, 512), "1024": (1024, 1024, 1024), "2048": (2048, 2048, 2048), "qkv": (512, 2304, 768),
        "proj": (512, 768, 768), "fc1": (512, 3072, 768), "fc2": (512, 768, 3072), "lm_head": (512, 50257, 768),
        "scores": (512, 512, 64), "context": (512, 64, 512)}
GEMV = {"qkv": (1, 2304, 768), "fc1": (1, 3072, 768), "fc2": (1, 768, 3072), "lm_head": (1, 50257, 768)}


def measure(call, work, rounds, warm=0.3, least=0.05):
    """Rates of `rounds` rounds, each at least `least` seconds, in 1e9 of work per second."""
    start = time.perf_counter()
    call()
    while time.perf_counter() - start < warm:
        call()
    start = time.perf_counter()
    call()
    calls = max(1, int(least / max(1e-9, time.perf_counter() - start)))
    rates = []
    for _ in range(rounds):
        start = time.perf_counter()
        for _ in range(calls):
            call()
        rates.append(work * calls / (time.perf_counter() - start) / 1e9)
    return rates


def product(name):
    kind, shape, layout = name.split("-")
    m, n, k = (GEMM if kind == "gemm" else GEMV)[shape]
    return m, n, k, layout, (2.0 * m * n * k if kind == "gemm" else 4.0 * n * k)


def numpy_gemm(name, a):
    import numpy
    from threadpoolctl import threadpool_limits
    m, n, k, layout, work = product(name)
    x = numpy.random.rand(*((k, m) if layout[0] == "t" else (m, k))).astype("f4")
    y = numpy.random.rand(*((n, k) if layout[1] == "t" else (k, n))).astype("f4")
    x, y = (x.T if layout[0] == "t" else x), (y.T if layout[1] == "t" else y)
    out = numpy.empty((m, n), "f4")
    with threadpool_limits(a.threads):
        return measure(lambda: numpy.matmul(x, y, out=out), work, a.rounds)


def torch_gemm(name, a):
    import torch
    m, n, k, layout, work = product(name)
    x = torch.rand(*((k, m) if layout[0] == "t" else (m, k)))
    y = torch.rand(*((n, k) if layout[1] == "t" else (k, n)))
    x, y = (x.t() if layout[0] == "t" else x), (y.t() if layout[1] == "t" else y)
    out = torch.empty(m, n)
    return measure(lambda: torch.mm(x, y, out=out), work, a.rounds)


def torch_op(name, a):
    """The same bytes are counted as for Outpost's row of this name; backward alone, its graph made anew outside the clock."""
    import torch
    import torch.nn.functional as F
    base, back = name.removesuffix("-backward"), name.endswith("-backward")
    if base in ("softmax", "layernorm", "gelu-tanh", "gelu-erf", "silu", "add"):
        cols = {"softmax": 1024, "layernorm": 768}.get(base, 3072)
        x = torch.randn(4096, cols, requires_grad=back)
        w = torch.ones(cols, requires_grad=back)
        b = torch.zeros(cols, requires_grad=back)
        z = torch.randn(4096, cols)
        f = {"softmax": lambda: torch.softmax(x, -1), "layernorm": lambda: F.layer_norm(x, (cols,), w, b),
             "gelu-tanh": lambda: F.gelu(x, approximate="tanh"), "gelu-erf": lambda: F.gelu(x), "silu": lambda: F.silu(x),
             "add": lambda: x + z}[base]
        each = 12.0 if back or base == "add" else 8.0
        if not back:
            with torch.no_grad():
                return measure(f, each * x.numel(), a.rounds)
        y = f()
        inputs = (x, w, b) if base == "layernorm" else (x,)
        return measure(lambda: torch.autograd.grad(y, inputs, z, retain_graph=True), each * x.numel(), a.rounds)
    if base.startswith("cross-entropy"):
        gradient = base.endswith("gradient")
        x = torch.randn(512, 50257, requires_grad=gradient)
        t = torch.randint(0, 50257, (512,))

        def losses():
            with torch.no_grad():
                F.cross_entropy(x, t)

        def both():
            x.grad = None
            F.cross_entropy(x, t).backward()
        return measure(both if gradient else losses, (8.0 if gradient else 4.0) * x.numel(), a.rounds)
    if base == "attention":
        q, k, v = (torch.randn(4, 12, 512, 64, requires_grad=back) for _ in range(3))
        half = 4 * 12 * 512 * 512 * 64.0
        f = lambda: F.scaled_dot_product_attention(q, k, v, is_causal=True)
        if not back:
            with torch.no_grad():
                return measure(f, 2 * half, a.rounds)
        y, dy = f(), torch.randn(4, 12, 512, 64)
        return measure(lambda: torch.autograd.grad(y, (q, k, v), dy, retain_graph=True), 5 * half, a.rounds)
    if base == "adamw":
        p = torch.randn(16 << 20, requires_grad=True)
        p.grad = torch.randn(16 << 20)
        step = torch.optim.AdamW([p], lr=1e-4, weight_decay=0.01, fused=True).step
        return measure(step, 28.0 * p.numel(), a.rounds)
    raise SystemExit("peers: no PyTorch counterpart of " + name)


def gpt2(layers=12):
    import transformers
    transformers.logging.set_verbosity_error()
    config = transformers.GPT2Config(n_layer=layers, resid_pdrop=0.0, embd_pdrop=0.0, attn_pdrop=0.0)
    model = transformers.GPT2LMHeadModel(config)
    model.set_attn_implementation("sdpa")
    return model


def torch_step(name, a):
    """One training step as Outpost's row of this name trains: same parameters, AdamW over them, no dropout."""
    import torch
    mode, shape = name.rsplit("-", 1)
    batch, tokens = (int(n) for n in shape.split("x"))
    model = gpt2(8 if mode.startswith("emulator") else 12)
    model.config.use_cache = False
    if mode.startswith(("ot", "emulator")):
        blocks = list(model.transformer.h)
        for p in model.parameters():
            p.requires_grad_(False)
        for block in blocks[:2] + blocks[-2:]:
            for p in block.parameters():
                p.requires_grad_(True)
    if mode.startswith("lora"):
        import peft
        model = peft.get_peft_model(model, peft.LoraConfig(r=8, lora_alpha=16, target_modules=["c_attn"], task_type="CAUSAL_LM", fan_in_fan_out=True))
    model.train()
    optimizer = torch.optim.AdamW([p for p in model.parameters() if p.requires_grad], lr=1e-4, fused=a.fused)
    ids = torch.randint(0, 50257, (batch, tokens))

    def step():
        optimizer.zero_grad(set_to_none=True)
        model(input_ids=ids, labels=ids).loss.backward()
        optimizer.step()
    return [r * 1e9 for r in measure(step, batch * tokens, a.rounds, warm=0.1)]


def torch_decode(name, a):
    """Greedy, one sequence, key-value cache; prompt of 512 read with the last token's scores only, or 64 tokens after one."""
    import torch
    from transformers import DynamicCache
    kind, weights = name.split("-")
    model = gpt2().eval().to({"f32": torch.float32, "bf16": torch.bfloat16, "f16": torch.float16}[weights])
    rates = []
    with torch.inference_mode():
        for r in range(a.rounds + 1):
            cache = DynamicCache(config=model.config)
            ids = torch.randint(0, 50257, (1, 512 if kind == "prefill" else 1))
            start = time.perf_counter()
            token = model(input_ids=ids, past_key_values=cache, use_cache=True, logits_to_keep=1).logits[:, -1:].argmax(-1)
            if kind == "prefill":
                rates.append(512 / (time.perf_counter() - start))
                continue
            start = time.perf_counter()
            for _ in range(64):
                token = model(input_ids=token, past_key_values=cache, use_cache=True).logits[:, -1:].argmax(-1)
            rates.append(64 / (time.perf_counter() - start))
    return rates[1:]


def peak_rss():
    try:
        with open("/proc/self/status") as f:
            return next(int(line.split()[1]) * 1024 for line in f if line.startswith("VmHWM"))
    except (OSError, StopIteration):
        return None


def main():
    p = argparse.ArgumentParser()
    p.add_argument("peer", choices=["torch", "numpy"])
    p.add_argument("name")
    p.add_argument("--part", choices=["gemm", "ops", "step", "decode"], default="gemm")
    p.add_argument("--threads", type=int, default=2)
    p.add_argument("--rounds", type=int, default=3)
    p.add_argument("--fused", action="store_true", help="PyTorch's fused AdamW instead of its default")
    a = p.parse_args()
    try:
        if a.peer == "torch":
            import torch
            torch.set_num_threads(a.threads)
            version = torch.__version__
        else:
            import numpy
            version = numpy.__version__
        run = {"gemm": torch_gemm if a.peer == "torch" else numpy_gemm, "ops": torch_op, "step": torch_step, "decode": torch_decode}[a.part]
        rates = run(a.name, a)
    except ImportError as e:
        print(f"peers: {a.peer} cannot run: {e}", file=sys.stderr)
        raise SystemExit(3)
    print(json.dumps(dict(bench="peer", peer=a.peer, version=version, part=a.part, name=a.name, threads=a.threads, median=statistics.median(rates),
                          best=max(rates), worst=min(rates), peak_rss_bytes=peak_rss())))


if __name__ == "__main__":
    main()

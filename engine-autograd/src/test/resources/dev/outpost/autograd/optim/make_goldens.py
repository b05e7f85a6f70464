"""Writes optim.txt: what PyTorch's optimisers, clipping and Transformers' schedules compute.

Run beside this file: python make_goldens.py
Each line: name, then numbers. Every value is the shortest decimal of a binary32 or binary64.
"""
import torch
import transformers
from transformers.optimization import (
    get_constant_schedule_with_warmup,
    get_cosine_schedule_with_warmup,
    get_linear_schedule_with_warmup,
)

STEPS = 6
RATES = [0.0, 0.05, 0.1, 0.1, 0.03, 0.01]
out = []


def line(name, values):
    out.append(" ".join([name] + [repr(float(v)) for v in values]))


def optimizer(case, make, clip):
    g = torch.Generator().manual_seed(7)
    w = torch.randn(5, generator=g).requires_grad_()
    b = torch.randn(3, generator=g).requires_grad_()
    line(f"{case}.w.start", w.detach())
    line(f"{case}.b.start", b.detach())
    opt = make([{"params": [w], "weight_decay": 0.1}, {"params": [b], "weight_decay": 0.0}])
    for step in range(STEPS):
        w.grad = torch.randn(5, generator=g)
        # b is not reached in step 2: its state must not move
        b.grad = None if step == 2 else torch.randn(3, generator=g)
        line(f"{case}.w.grad.{step}", w.grad)
        if b.grad is not None:
            line(f"{case}.b.grad.{step}", b.grad)
        if clip:
            norm = torch.nn.utils.clip_grad_norm_([w, b], clip)
            line(f"{case}.norm.{step}", [norm])
        for group in opt.param_groups:
            group["lr"] = RATES[step]
        opt.step()
        line(f"{case}.w.{step}", w.detach())
        line(f"{case}.b.{step}", b.detach())
    for name, p in (("w", w), ("b", b)):
        for key, value in opt.state[p].items():
            if torch.is_tensor(value):
                line(f"{case}.state.{name}.{key}", value.reshape(-1))


line("rates", torch.tensor(RATES))
optimizer("adamw", lambda p: torch.optim.AdamW(p, betas=(0.9, 0.999), eps=1e-8, foreach=False), 1.5)
optimizer("sgd", lambda p: torch.optim.SGD(p, lr=0, foreach=False), None)
optimizer("momentum", lambda p: torch.optim.SGD(p, lr=0, momentum=0.9, foreach=False), 2.0)
optimizer(
    "nesterov", lambda p: torch.optim.SGD(p, lr=0, momentum=0.8, nesterov=True, foreach=False), None
)


def schedule(name, make):
    p = torch.zeros(1, requires_grad=True)
    s = make(torch.optim.SGD([p], lr=1.0)).lr_lambdas[0]
    line(f"schedule.{name}", [s(i) for i in range(26)])


schedule("constant.4", lambda o: get_constant_schedule_with_warmup(o, 4))
schedule("linear.4.25", lambda o: get_linear_schedule_with_warmup(o, 4, 25))
schedule("linear.0.10", lambda o: get_linear_schedule_with_warmup(o, 0, 10))
schedule("cosine.4.25", lambda o: get_cosine_schedule_with_warmup(o, 4, 25))
schedule("cosine.0.25", lambda o: get_cosine_schedule_with_warmup(o, 0, 25))

with open("optim.txt", "w") as f:
    f.write(f"# torch {torch.__version__} transformers {transformers.__version__}\n")
    f.write("\n".join(out) + "\n")

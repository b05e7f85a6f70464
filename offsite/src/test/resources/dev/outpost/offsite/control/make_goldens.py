"""Writes policy_loss.txt: the clipped surrogate with KL penalty and entropy, and its gradient, by PyTorch.

Run beside this file: python make_goldens.py
Each line: name, then numbers. Distributions, their KL and entropy are torch.distributions' own.
"""
import torch
from torch.distributions import Categorical, kl_divergence

OPTIONS = [3, 2, 4]
ROWS = 6
out = []


def line(name, values):
    out.append(" ".join([name] + [repr(float(v)) for v in values]))


def heads(logits):
    return [Categorical(logits=part) for part in torch.split(logits, OPTIONS, dim=1)]


def case(name, clip, beta, entropy, far):
    g = torch.Generator().manual_seed(11)
    logits = torch.randn(ROWS, sum(OPTIONS), generator=g).requires_grad_()
    before = logits.detach().double() + far * torch.randn(ROWS, sum(OPTIONS), generator=g).double()
    actions = torch.stack([torch.randint(0, k, (ROWS,), generator=g) for k in OPTIONS], dim=1)
    advantages = torch.randn(ROWS, generator=g).double()
    now = heads(logits.double())
    old = heads(before)
    log = sum(d.log_prob(actions[:, b]) for b, d in enumerate(now))
    was = sum(d.log_prob(actions[:, b]) for b, d in enumerate(old))
    ratio = (log - was).exp()
    surrogate = torch.min(ratio * advantages, ratio.clamp(1 - clip, 1 + clip) * advantages)
    kl = sum(kl_divergence(o, n) for o, n in zip(old, now))
    h = sum(d.entropy() for d in now)
    loss = (-surrogate + beta * kl - entropy * h).mean()
    loss.backward()
    clipped = (ratio * advantages > ratio.clamp(1 - clip, 1 + clip) * advantages).double().mean()
    line(f"{name}.terms", [clip, beta, entropy])
    line(f"{name}.logits", logits.detach().reshape(-1))
    line(f"{name}.old", torch.cat([d.logits for d in old], dim=1).reshape(-1))
    line(f"{name}.actions", actions.reshape(-1))
    line(f"{name}.advantages", advantages)
    line(f"{name}.loss", [loss.detach()])
    line(f"{name}.figures", [kl.mean().detach(), h.mean().detach(), clipped])
    line(f"{name}.gradient", logits.grad.reshape(-1))


case("near", 0.2, 0.3, 0.01, 0.05)
case("far", 0.2, 0.3, 0.01, 1.0)
case("clip", 0.1, 0.0, 0.0, 0.6)
case("kl", 1e9, 2.0, 0.0, 0.6)
case("entropy", 0.3, 0.0, 1.5, 0.3)
with open("policy_loss.txt", "w") as f:
    f.write(f"# torch {torch.__version__}\n" + "\n".join(out) + "\n")

"""Writes the golden EVAs beside this file: what timm and PyTorch compute.

    python make_eva_goldens.py [NAME …]

As make_encoder_goldens.py, but for timm's format: model.safetensors and a config.json with `architecture` and
`model_args`, both as timm itself saves them.
"""

import pathlib
import shutil
import sys

import safetensors
import timm
import torch
from safetensors.torch import save_file
from timm.models import load_state_dict, save_for_hf

from make_encoder_goldens import BATCH, CLIP, DECAY, RATE, far, fill, lines, train

import make_encoder_goldens

HERE = pathlib.Path(__file__).resolve().parent
VERSIONS = {"torch": torch.__version__, "timm": timm.__version__, "safetensors": safetensors.__version__}
SMALL = dict(img_size=12, patch_size=4, embed_dim=24, depth=3, num_heads=2)
F32, F16 = torch.float32, torch.float16
MODELS = {
    "eva-classes-f32": dict(seed=41, dtype=F32, classes=5, args=SMALL | dict(depth=2)),
    "eva-token-f16": dict(seed=42, dtype=F16, classes=3, args=SMALL | dict(global_pool="token", qkv_bias=False, mlp_ratio=2.0, img_size=14)),
    "eva-features-f32": dict(seed=43, dtype=F32, classes=0, args=SMALL | dict(mlp_ratio=1.5)),
}


def scores(model, inputs):
    return model(inputs["pixels"].to(next(model.parameters()).dtype))


make_encoder_goldens.scores = scores


def one_pass(model, inputs, targets):
    logits, loss = make_encoder_goldens.loss_of(model, inputs, targets)
    loss.backward()
    grads = {n: p.grad.detach().clone() for n, p in model.named_parameters()}
    model.zero_grad()
    return logits.detach(), float(loss.detach()), grads


def golden(name, settings):
    folder = HERE / name
    shutil.rmtree(folder, ignore_errors=True)
    torch.manual_seed(settings["seed"])

    def fresh():
        return timm.create_model("eva_giant_patch14_224", num_classes=settings["classes"], **settings["args"])

    model = fresh()
    fill(model)
    save_for_hf(model.to(settings["dtype"]), folder, model_args=settings["args"], safe_serialization=True)

    def loaded(dtype):
        m = fresh()
        m.load_state_dict(load_state_dict(str(folder / "model.safetensors")))
        return m.to(dtype).train()

    side = settings["args"]["img_size"]
    generator = torch.Generator().manual_seed(100 + settings["seed"])
    inputs, targets = {"pixels": torch.randn(BATCH, 3, side, side, generator=generator)}, torch.tensor([2, 0, 1])
    exact, single = loaded(torch.float64), loaded(F32)
    logits, loss, grads = one_pass(exact, inputs, targets)
    logits32, loss32, grads32 = one_pass(single, inputs, targets)
    losses, losses32 = train(exact, inputs, targets), train(single, inputs, targets)
    tensors = {"logits": logits, "pixels": inputs["pixels"], **{"grad/" + n: g for n, g in grads.items()}}
    save_file({n: t.float().contiguous() for n, t in tensors.items()}, folder / "golden.safetensors")
    record = {
        "versions": VERSIONS,
        "files": sorted(f.name for f in folder.iterdir()),
        "seed": settings["seed"],
        "batch": BATCH,
        "targets": targets.tolist(),
        "loss": loss,
        "training": {"rate": RATE, "decay": DECAY, "clip": CLIP, "losses": losses},
        "torch_f32": {
            "logits": far(logits32, logits),
            "loss": abs(loss32 / loss - 1),
            "gradients": max(far(grads32[n], grads[n]) for n in grads),
            "losses": max(abs(a / b - 1) for a, b in zip(losses32, losses)),
        },
    }
    (folder / "golden.json").write_text(lines(record))
    print(name, "loss", loss, "losses", losses[-1], record["torch_f32"], sum(f.stat().st_size for f in folder.iterdir()))


if __name__ == "__main__":
    for name, settings in MODELS.items():
        if not sys.argv[1:] or name in sys.argv[1:]:
            golden(name, settings)

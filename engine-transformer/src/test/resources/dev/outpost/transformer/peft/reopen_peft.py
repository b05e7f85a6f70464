"""Loads with peft the adapters that the engine trained and wrote, and compares the logits. Nothing of it is committed.

    java … dev.outpost.transformer.PeftCheck FOLDER    twenty steps of LoRA, IA3, prompt and prefix on every golden's model that
                                                       peft has them for, written below FOLDER as MODEL/METHOD
    python reopen_peft.py FOLDER                       peft's logits in f64, as loaded and merged, against the engine's
"""

import json
import pathlib
import sys

import peft
import torch
import transformers
from safetensors.torch import load_file
from transformers import AutoModelForCausalLM

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "golden"))
import make_goldens as goldens

print("torch", torch.__version__, "transformers", transformers.__version__, "peft", peft.__version__)
worst = {}
for folder in sorted(p for p in pathlib.Path(sys.argv[1]).glob("*/*") if p.is_dir()):
    name, method = folder.parts[-2:]
    source = goldens.HERE / name
    record = json.loads((source / "golden.json").read_text())
    kind = json.loads((source / "config.json").read_text())["model_type"]
    _, attention = goldens.KINDS[kind]
    base = AutoModelForCausalLM.from_pretrained(source, dtype=torch.float64, attn_implementation=attention)
    stream = torch.tensor([int(t) for t in record["stream"].split()])
    ids = stream[: record["batch"] * record["block"]].view(record["batch"], record["block"])
    ours = load_file(folder / "logits.safetensors")
    time = ours["base"].shape[0] // record["batch"]
    ids = ids[:, :time]
    model = peft.PeftModel.from_pretrained(base, folder, autocast_adapter_dtype=False).double().eval()
    figures = {}
    with torch.no_grad():
        # A prompt's own positions come first.
        adapted = model(ids).logits[:, -time:].flatten(0, 1)
        figures["adapted"] = goldens.far(ours["adapted"], adapted)
        if "merged" in ours:
            merged = model.merge_and_unload()(ids).logits.flatten(0, 1)
            figures["merged"] = goldens.far(ours["merged"], merged)
            figures["merged against adapted"] = goldens.far(ours["merged"], ours["adapted"])
    moved = goldens.far(adapted, ours["base"])
    assert moved > 1e-2, (name, method, "the adapter does nothing", moved)
    print(name, kind, method, *(f"{k} {v:.1e}" for k, v in figures.items()), f"(training moved them by {moved:.2f})")
    for k, v in figures.items():
        assert v < 1e-5, (name, method, k, v)
        worst[method, k] = max(worst.get((method, k), 0), v)
for (method, k), v in worst.items():
    print("the largest:", method, k, f"{v:.1e}")

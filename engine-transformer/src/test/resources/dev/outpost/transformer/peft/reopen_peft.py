"""Loads with peft the adapters that the engine trained and wrote, and compares the logits. Nothing of it is committed.

    java … dev.outpost.transformer.PeftCheck FOLDER    twenty steps of LoRA on every golden's model, written below FOLDER
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
worst = {"adapted": 0, "merged": 0, "merged against adapted": 0}
for folder in sorted(p for p in pathlib.Path(sys.argv[1]).iterdir() if p.is_dir()):
    source = goldens.HERE / folder.name
    record = json.loads((source / "golden.json").read_text())
    kind = json.loads((source / "config.json").read_text())["model_type"]
    _, attention = goldens.KINDS[kind]
    base = AutoModelForCausalLM.from_pretrained(source, dtype=torch.float64, attn_implementation=attention)
    stream = torch.tensor([int(t) for t in record["stream"].split()])
    ids = stream[: record["batch"] * record["block"]].view(record["batch"], record["block"])
    ours = load_file(folder / "logits.safetensors")
    model = peft.PeftModel.from_pretrained(base, folder, autocast_adapter_dtype=False).double().eval()
    with torch.no_grad():
        adapted = model(ids).logits.flatten(0, 1)
        merged = model.merge_and_unload()(ids).logits.flatten(0, 1)
    moved = goldens.far(adapted, ours["base"])
    assert moved > 1e-2, (folder.name, "the adapter does nothing", moved)
    figures = {
        "adapted": goldens.far(ours["adapted"], adapted),
        "merged": goldens.far(ours["merged"], merged),
        "merged against adapted": goldens.far(ours["merged"], ours["adapted"]),
    }
    print(folder.name, kind, *(f"{k} {v:.1e}" for k, v in figures.items()), f"(training moved them by {moved:.2f})")
    for k, v in figures.items():
        assert v < 1e-5, (folder.name, k, v)
        worst[k] = max(worst[k], v)
print("the largest:", *(f"{k} {v:.1e}" for k, v in worst.items()))

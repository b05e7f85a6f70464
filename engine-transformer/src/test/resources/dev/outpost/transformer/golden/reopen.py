"""Opens with Transformers what the engine wrote, and compares the logits. Nothing of it is committed.

    java … dev.outpost.transformer.ReopenCheck FOLDER    writes every golden again below FOLDER, config.json of our own making
    python reopen.py FOLDER                              logits of the written against those of the golden
"""

import json
import pathlib
import sys

import torch
import transformers
from safetensors.torch import load_file
from transformers import AutoModelForCausalLM

import make_goldens as goldens

print("torch", torch.__version__, "transformers", transformers.__version__)
worst = 0
for folder in sorted(p for p in pathlib.Path(sys.argv[1]).iterdir() if p.is_dir()):
    record = json.loads((goldens.HERE / folder.name / "golden.json").read_text())
    kind = json.loads((folder / "config.json").read_text())["model_type"]
    _, attention = goldens.KINDS[kind]
    model, info = AutoModelForCausalLM.from_pretrained(
        folder, dtype=torch.float64, attn_implementation=attention, output_loading_info=True
    )
    assert not any(info.values()), (folder.name, info)
    stream = torch.tensor([int(t) for t in record["stream"].split()])
    ids = stream[: record["batch"] * record["block"]].view(record["batch"], record["block"])
    with torch.no_grad():
        logits = model(ids).logits
    want = load_file(goldens.HERE / folder.name / "golden.safetensors")["logits"]
    # The golden is f64 stored as f32.
    far = goldens.far(logits, want)
    assert far < 1e-7, (folder.name, far)
    worst = max(worst, far)
    print(f"{folder.name} ({kind}): {far:.1e}")
print(f"all opened, nothing missing or left over; the largest difference is {worst:.1e}")

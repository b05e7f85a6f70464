"""Counts what peft trains for each method on the tiny goldens' models, and writes DoRA, IA3, prompt and prefix adapters with peft's logits.

    python make_method_goldens.py ../golden .
"""
import importlib.metadata as im
import json
import os
import sys

import torch
import transformers
from peft import IA3Config, LoraConfig, PrefixTuningConfig, PromptTuningConfig, get_peft_model
from safetensors.torch import save_file

golden, dst = sys.argv[1:]
IDS = [1, 5, 2, 9, 3, 3, 7]
BASES = {"gpt2": "tied-f32", "opt": "opt-before-f32", "llama": "llama-grouped-f32"}
LINEAR = {
    "gpt2": ["c_attn", "c_proj", "c_fc"],
    "opt": ["q_proj", "k_proj", "v_proj", "out_proj", "fc1", "fc2"],
    "llama": ["q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj"],
}
IA3 = {
    "gpt2": (["c_attn", "mlp.c_proj"], ["mlp.c_proj"]),
    "opt": (["k_proj", "v_proj", "fc2"], ["fc2"]),
    "llama": (["k_proj", "v_proj", "down_proj"], ["down_proj"]),
}


def config(kind, method):
    fan = {"fan_in_fan_out": kind == "gpt2"}
    lora = dict(task_type="CAUSAL_LM", r=4, lora_alpha=6, target_modules=LINEAR[kind], **fan)
    if method == "lora":
        return LoraConfig(**lora)
    if method == "rslora":
        return LoraConfig(use_rslora=True, **lora)
    if method == "dora":
        return LoraConfig(use_dora=True, **lora)
    if method == "ia3":
        targets, inner = IA3[kind]
        return IA3Config(task_type="CAUSAL_LM", target_modules=targets, feedforward_modules=inner, **fan)
    if method == "prefix":
        return PrefixTuningConfig(task_type="CAUSAL_LM", num_virtual_tokens=5)
    return PromptTuningConfig(task_type="CAUSAL_LM", num_virtual_tokens=5)


counts = {}
for kind, base in BASES.items():
    for method in ("lora", "rslora", "dora", "ia3", "prefix", "prompt"):
        torch.manual_seed(5)
        m = transformers.AutoModelForCausalLM.from_pretrained(
            os.path.join(golden, base), dtype=torch.float32, attn_implementation="eager"
        )
        m = get_peft_model(m, config(kind, method))
        counts.setdefault(kind, {})[method] = m.get_nb_trainable_parameters()[0]
        # A prefix is one function here and there only where positions do nothing but turn.
        if method not in ("dora", "ia3", "prompt") and (kind, method) != ("llama", "prefix"):
            continue
        with torch.no_grad():
            for n, p in m.named_parameters():
                if p.requires_grad:
                    # Lengths and factors stay around what they were, the rest is filled.
                    if "magnitude" in n or "ia3" in n:
                        p.mul_(1 + 0.3 * torch.randn_like(p))
                    else:
                        p.normal_(0, 0.2)
        out = os.path.join(dst, f"{kind}-{method}")
        m.save_pretrained(out)
        if os.path.exists(out + "/README.md"):
            os.remove(out + "/README.md")
        c = json.load(open(out + "/adapter_config.json"))
        c["base_model_name_or_path"] = base
        for field in ("target_modules", "feedforward_modules"):
            if isinstance(c.get(field), list):
                c[field] = sorted(c[field])
        json.dump(c, open(out + "/adapter_config.json", "w"), indent=1, sort_keys=True)
        m.eval()
        with torch.no_grad():
            tensors = {"logits": m(torch.tensor([IDS])).logits[0][-len(IDS) :].contiguous()}
            if method not in ("prompt", "prefix"):
                tensors["merged"] = m.merge_and_unload()(torch.tensor([IDS])).logits[0].contiguous()
        versions = {p: im.version(p) for p in ("peft", "torch", "transformers", "safetensors")}
        save_file(tensors, out + "/expected.safetensors", metadata={"versions": json.dumps(versions)})
versions = {p: im.version(p) for p in ("peft", "torch", "transformers")}
json.dump({"versions": versions, "counts": counts}, open(os.path.join(dst, "counts.json"), "w"), indent=1)
print(json.dumps(counts))

"""Writes small adapters by peft on the tiny goldens' models, with logits of the adapted and of the merged model."""
import json, os, sys, torch, transformers, peft, importlib.metadata as im
from peft import LoraConfig, get_peft_model
from safetensors.torch import save_file
golden, dst = sys.argv[1:]
def go(base, name, ids, **kw):
    torch.manual_seed(5)
    m = transformers.AutoModelForCausalLM.from_pretrained(os.path.join(golden, base), dtype=torch.float32, attn_implementation="eager")
    m = get_peft_model(m, LoraConfig(task_type="CAUSAL_LM", **kw))
    with torch.no_grad():
        for n, p in m.named_parameters():
            if "lora_" in n: p.normal_(0, 0.2)
    out = os.path.join(dst, name)
    m.save_pretrained(out)
    for f in ("README.md",): 
        p = os.path.join(out, f); os.path.exists(p) and os.remove(p)
    c = json.load(open(out + "/adapter_config.json")); c["base_model_name_or_path"] = base; c["target_modules"] = sorted(c["target_modules"]) if isinstance(c["target_modules"], list) else c["target_modules"]
    json.dump(c, open(out + "/adapter_config.json", "w"), indent=1, sort_keys=True)
    m.eval()
    with torch.no_grad():
        l = m(torch.tensor([ids])).logits[0]
        g = m.merge_and_unload()(torch.tensor([ids])).logits[0]
    save_file({"ids": torch.tensor(ids, dtype=torch.int32), "logits": l.contiguous(), "merged": g.contiguous()}, out + "/expected.safetensors",
              metadata={"versions": json.dumps({p: im.version(p) for p in ("peft", "torch", "transformers", "safetensors")})})
    print(name, (l - g).abs().max().item(), os.path.getsize(out + "/adapter_model.safetensors"))
go("llama-grouped-f32", "llama-ranks", [1, 5, 2, 9, 3, 3, 7], r=4, lora_alpha=6, target_modules=["q_proj", "v_proj", "gate_proj", "down_proj"],
   rank_pattern={"v_proj": 2, r"layers.0.mlp.down_proj": 3}, alpha_pattern={"q_proj": 9})
go("llama-grouped-f32", "llama-rslora", [1, 5, 2, 9, 3, 3, 7], r=4, lora_alpha=6, target_modules="all-linear", use_rslora=True)
go("tied-f32", "gpt2", [1, 5, 2, 9, 3, 3, 7], r=3, lora_alpha=5, target_modules=["c_attn", "c_proj"], fan_in_fan_out=True)

"""Holds the engine to Transformers at true sizes, with random weights. Nothing of it is committed: the files are large.

    python full_size.py make FOLDER       gpt2 (124M) and smollm (135M) in f32, bf16 and f16 below FOLDER, with the logits of 32 tokens
    java … dev.outpost.transformer.FullSizeCheck FOLDER/gpt2-f32   (and the others): writes logits and the model again
    python full_size.py compare FOLDER    logits against logits; the rewritten models, read by Transformers, bit by bit
"""

import pathlib
import sys

import torch
import transformers
from safetensors.torch import load_file, save_file
from transformers import AutoModelForCausalLM, GPT2Config, GPT2LMHeadModel, LlamaConfig, LlamaForCausalLM
from transformers.models.llama.modeling_llama import LlamaRMSNorm

TYPES = {"f32": torch.float32, "bf16": torch.bfloat16, "f16": torch.float16}

MODELS = {
    "gpt2": lambda: GPT2LMHeadModel(GPT2Config()),  # the defaults are GPT-2 124M
    "smollm": lambda: LlamaForCausalLM(
        LlamaConfig(
            vocab_size=49152,
            hidden_size=576,
            intermediate_size=1536,
            num_hidden_layers=30,
            num_attention_heads=9,
            num_key_value_heads=3,
            max_position_embeddings=2048,
            rms_norm_eps=1e-5,
            tie_word_embeddings=True,
        )
    ),
}


def rms_norm(self, x):
    """As the reference, which however rounds to f32 on the way even when all else is f64."""
    return self.weight * (x * torch.rsqrt(x.pow(2).mean(-1, keepdim=True) + self.variance_epsilon))


LlamaRMSNorm.forward = rms_norm


def make(folder):
    for kind, fresh in MODELS.items():
        torch.manual_seed(7)
        model = fresh()
        with torch.no_grad():
            for p in model.parameters():
                if p.dim() == 1:
                    p.add_(torch.randn_like(p) * 0.1)
        ids = torch.randint(0, model.config.vocab_size, (1, 32))
        for name, dtype in TYPES.items():
            here = folder / f"{kind}-{name}"
            model.to(dtype).save_pretrained(here, max_shard_size="100MB" if name == "bf16" else "5GB")
            reference = AutoModelForCausalLM.from_pretrained(here, dtype=torch.float64).eval()
            single = AutoModelForCausalLM.from_pretrained(here, dtype=torch.float32).eval()
            with torch.no_grad():
                logits, logits32 = reference(ids).logits[0], single(ids).logits[0]
            save_file(
                {"ids": ids[0].float(), "logits": logits.float().contiguous(), "logits32": logits32.contiguous()},
                here / "reference.safetensors",
            )
            model.float()


def far(a, b):
    return ((a.double() - b.double()).abs().max() / b.double().abs().max()).item()


def compare(folder):
    print("torch", torch.__version__, "transformers", transformers.__version__)
    for name in sorted(p.name for p in folder.iterdir() if p.is_dir() and "-as-" not in p.name):
        dtype = TYPES[name.split("-")[1]]
        want, got = load_file(folder / name / "reference.safetensors"), load_file(folder / name / "engine.safetensors")
        print(
            f"{name}: logits, engine against torch f64 {far(got['logits'], want['logits']):.2e},"
            f" against torch f32 {far(got['logits'], want['logits32']):.2e};"
            f" torch f32 against f64 {far(want['logits32'], want['logits']):.2e};"
            f" one token at a time against all at once {far(got['decoded'], got['logits']):.2e}"
        )
        source = AutoModelForCausalLM.from_pretrained(folder / name, dtype=dtype)
        for again in sorted(p for p in folder.glob(name + "-as-*") if p.is_dir()):
            written = TYPES.get(again.name.split("-as-")[1], dtype)
            model, info = AutoModelForCausalLM.from_pretrained(again, dtype=written, output_loading_info=True)
            assert not any(info.values()), info
            pairs = list(zip(source.named_parameters(), model.named_parameters(), strict=True))
            same = sum(torch.equal(a.to(written), b) for (_, a), (_, b) in pairs)
            assert all(x == y for (x, _), (y, _) in pairs)
            print(f"{again.name}: {same} of {len(pairs)} tensors equal bit by bit")


if __name__ == "__main__":
    {"make": make, "compare": compare}[sys.argv[1]](pathlib.Path(sys.argv[2]))

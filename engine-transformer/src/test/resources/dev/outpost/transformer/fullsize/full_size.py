"""Holds the engine to Transformers at true sizes, with random weights. Nothing of it is committed: the files are large.

    python full_size.py make FOLDER       gpt2 (124M) and smollm (135M) in f32, bf16 and f16 below FOLDER, with the logits of 32 tokens
    python full_size.py make FOLDER NAME …   some of the models below, the larger ones in bf16 only
    java … dev.outpost.transformer.FullSizeCheck FOLDER/gpt2-f32   (and the others): writes logits and the model again
                                          (with a second argument: only logits); prints load time and memory
    python full_size.py compare FOLDER    logits against logits; the rewritten models, read by Transformers, bit by bit
"""

import pathlib
import sys

import torch
import transformers
from safetensors.torch import load_file, save_file
from transformers import AutoConfig, AutoModelForCausalLM, GPT2Config, GPT2LMHeadModel, LlamaConfig, LlamaForCausalLM
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

# The sizes of the published files, as their config.json has them.
LARGER = {
    "qwen2.5-0.5b": dict(
        model_type="qwen2",
        vocab_size=151936,
        hidden_size=896,
        intermediate_size=4864,
        num_hidden_layers=24,
        num_attention_heads=14,
        num_key_value_heads=2,
        max_position_embeddings=32768,
        max_window_layers=24,
        rms_norm_eps=1e-6,
        rope_theta=1000000.0,
        sliding_window=32768,
        use_sliding_window=False,
        tie_word_embeddings=True,
    ),
    "bloom-560m": dict(model_type="bloom", vocab_size=250880, hidden_size=1024, n_layer=24, n_head=16, seq_length=2048),
    "llama-3.2-1b": dict(
        model_type="llama",
        vocab_size=128256,
        hidden_size=2048,
        intermediate_size=8192,
        num_hidden_layers=16,
        num_attention_heads=32,
        num_key_value_heads=8,
        head_dim=64,
        max_position_embeddings=131072,
        rms_norm_eps=1e-5,
        rope_theta=500000.0,
        rope_scaling=dict(
            rope_type="llama3", factor=32.0, low_freq_factor=1.0, high_freq_factor=4.0, original_max_position_embeddings=8192
        ),
        tie_word_embeddings=True,
    ),
    "opt-1.3b": dict(
        model_type="opt",
        vocab_size=50272,
        hidden_size=2048,
        ffn_dim=8192,
        num_hidden_layers=24,
        num_attention_heads=32,
        max_position_embeddings=2048,
        word_embed_proj_dim=2048,
    ),
}


def larger(settings):
    fields = dict(settings)
    return AutoModelForCausalLM.from_config(AutoConfig.for_model(fields.pop("model_type"), **fields), dtype=torch.float32)


def rms_norm(self, x):
    """As the reference, which however rounds to f32 on the way even when all else is f64."""
    return self.weight * (x * torch.rsqrt(x.pow(2).mean(-1, keepdim=True) + self.variance_epsilon))


LlamaRMSNorm.forward = rms_norm


def make(folder, wanted=()):
    chosen = {n: MODELS.get(n, lambda n=n: larger(LARGER[n])) for n in wanted} or MODELS
    for kind, fresh in chosen.items():
        torch.manual_seed(7)
        model = fresh()
        with torch.no_grad():
            for p in model.parameters():
                if p.dim() == 1:
                    p.add_(torch.randn_like(p) * 0.1)
        ids = torch.randint(0, model.config.vocab_size, (1, 32))
        for name, dtype in TYPES.items() if kind in MODELS else [("bf16", torch.bfloat16)]:
            here = folder / f"{kind}-{name}"
            model.to(dtype).save_pretrained(here, max_shard_size="100MB" if name == "bf16" else "5GB")
            logits, logits32 = (logits_of(here, ids, t) for t in (torch.float64, torch.float32))
            save_file(
                {"ids": ids[0].float(), "logits": logits.float().contiguous(), "logits32": logits32.contiguous()},
                here / "reference.safetensors",
            )
            model.float()


def logits_of(folder, ids, dtype):
    model = AutoModelForCausalLM.from_pretrained(folder, dtype=dtype).eval()
    with torch.no_grad():
        return model(ids).logits[0]


def far(a, b):
    return ((a.double() - b.double()).abs().max() / b.double().abs().max()).item()


def compare(folder):
    print("torch", torch.__version__, "transformers", transformers.__version__)
    for name in sorted(p.name for p in folder.iterdir() if p.is_dir() and "-as-" not in p.name):
        dtype = TYPES[name.split("-")[-1]]
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
    {"make": make, "compare": compare}[sys.argv[1]](pathlib.Path(sys.argv[2]), *([sys.argv[3:]] if sys.argv[3:] else []))

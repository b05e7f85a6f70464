"""Writes the golden models beside this file: what Hugging Face Transformers and PyTorch compute.

    python make_goldens.py [NAME …]

Each folder is a model as Transformers saves it, plus golden.json (sizes, tokens, losses, versions) and
golden.safetensors (logits and every gradient). The reference is computed in f64 and stored as f32;
"torch_f32" tells how far PyTorch's own f32 run is from it, which is the yardstick of the tests.
"""

import json
import pathlib
import shutil
import sys

import safetensors
import torch
import torch.nn.functional as F
import transformers
from safetensors.torch import save_file
from transformers import AutoConfig, AutoModelForCausalLM
from transformers.generation.logits_process import (
    TemperatureLogitsWarper,
    TopKLogitsWarper,
    TopPLogitsWarper,
)
from transformers.modeling_rope_utils import ROPE_INIT_FUNCTIONS
from transformers.models.gemma.modeling_gemma import GemmaRMSNorm
from transformers.models.gemma2.modeling_gemma2 import Gemma2RMSNorm
from transformers.models.gemma3.modeling_gemma3 import Gemma3RMSNorm
from transformers.models.llama.modeling_llama import LlamaRMSNorm
from transformers.models.mistral.modeling_mistral import MistralRMSNorm
from transformers.models.phi3.modeling_phi3 import Phi3RMSNorm
from transformers.models.qwen2.modeling_qwen2 import Qwen2RMSNorm
from transformers.models.qwen3.modeling_qwen3 import Qwen3RMSNorm
from transformers.models.smollm3.modeling_smollm3 import SmolLM3RMSNorm

HERE = pathlib.Path(__file__).resolve().parent
VOCABULARY, CONTEXT, BLOCK = 53, 20, 12
STEPS, RATE, DECAY, CLIP = 10, 3e-3, 0.1, 1.0

VERSIONS = {
    "torch": torch.__version__,
    "transformers": transformers.__version__,
    "safetensors": safetensors.__version__,
}

BASE = dict(
    vocab_size=VOCABULARY,
    n_positions=CONTEXT,
    n_embd=24,
    n_layer=3,
    n_head=2,
    resid_pdrop=0.0,
    embd_pdrop=0.0,
    attn_pdrop=0.0,
    bos_token_id=0,
    eos_token_id=0,
)

LLAMA = dict(
    vocab_size=VOCABULARY,
    max_position_embeddings=CONTEXT,
    hidden_size=24,
    intermediate_size=40,
    num_hidden_layers=3,
    num_attention_heads=4,
    num_key_value_heads=2,
    tie_word_embeddings=True,
    bos_token_id=0,
    eos_token_id=0,
)

MODELS = {
    "tied-f32": dict(seed=1, dtype=torch.float32, shard="1GB", config={}),
    "sharded-bf16": dict(seed=2, dtype=torch.bfloat16, shard="15KB", config=dict(n_head=4)),
    "untied-erf-f16": dict(
        seed=3,
        dtype=torch.float16,
        shard="1GB",
        config=dict(tie_word_embeddings=False, activation_function="gelu", n_inner=40, layer_norm_epsilon=1e-4),
    ),
}


MODELS |= {
    "llama-grouped-f32": dict(kind="llama", seed=4, dtype=torch.float32, shard="1GB", config={}),
    # Heads of another size than width / heads, one key-value head, biases, positions of another base.
    "llama-untied-bf16": dict(
        kind="llama",
        seed=5,
        dtype=torch.bfloat16,
        shard="1GB",
        config=dict(
            tie_word_embeddings=False,
            num_attention_heads=3,
            num_key_value_heads=1,
            head_dim=10,
            rope_theta=500.0,
            rms_norm_eps=1e-5,
            attention_bias=True,
            mlp_bias=True,
        ),
    ),
}

OPT = dict(
    vocab_size=VOCABULARY,
    max_position_embeddings=CONTEXT,
    hidden_size=24,
    ffn_dim=40,
    num_hidden_layers=3,
    num_attention_heads=4,
    dropout=0.0,
    # Token 0 is in no text here: the reference gives a padding token's row no gradient of its lookup.
    pad_token_id=0,
    bos_token_id=0,
    eos_token_id=0,
)

BLOOM = dict(vocab_size=VOCABULARY, seq_length=CONTEXT, hidden_size=24, n_layer=2, n_head=6, bos_token_id=0, eos_token_id=0)

LLAMA_LIKE = LLAMA | dict(pad_token_id=0)

# Kind of model: the fields of a tiny one, and how the reference attends.
KINDS = {
    "gpt2": (BASE, "eager"),
    "opt": (OPT, "sdpa"),
    "bloom": (BLOOM, "eager"),
    "llama": (LLAMA, "sdpa"),
    "mistral": (LLAMA_LIKE, "sdpa"),
    "qwen2": (LLAMA_LIKE, "sdpa"),
    "qwen3": (LLAMA_LIKE | dict(head_dim=8), "sdpa"),
    "smollm3": (LLAMA_LIKE, "sdpa"),
    "gemma": (LLAMA_LIKE | dict(head_dim=8), "sdpa"),
    "gemma2": (LLAMA_LIKE | dict(head_dim=8), "eager"),
    "gemma3_text": (LLAMA_LIKE | dict(head_dim=8), "sdpa"),
    "phi3": (LLAMA_LIKE, "sdpa"),
}

MODELS |= {
    "opt-before-f32": dict(kind="opt", seed=6, config={}),
    # As the 350M model: norms behind, token rows of their own width.
    "opt-after-bf16": dict(
        kind="opt", seed=7, dtype=torch.bfloat16, config=dict(do_layer_norm_before=False, word_embed_proj_dim=16)
    ),
    # Heads that are no power of two.
    "bloom-f32": dict(kind="bloom", seed=8, config={}),
    "llama-scaled-f16": dict(
        kind="llama",
        seed=9,
        dtype=torch.float16,
        config=dict(
            rope_theta=100.0,
            rope_scaling=dict(
                rope_type="llama3", factor=4.0, low_freq_factor=1.0, high_freq_factor=4.0, original_max_position_embeddings=16
            ),
        ),
    ),
    "mistral-window-f32": dict(kind="mistral", seed=10, config=dict(sliding_window=5, tie_word_embeddings=False)),
    # Windows in the upper layers, yarn.
    "qwen2-window-bf16": dict(
        kind="qwen2",
        seed=11,
        dtype=torch.bfloat16,
        config=dict(
            use_sliding_window=True,
            sliding_window=4,
            max_window_layers=1,
            rope_theta=1000.0,
            rope_scaling=dict(rope_type="yarn", factor=2.0, original_max_position_embeddings=10),
        ),
    ),
    "qwen3-f32": dict(kind="qwen3", seed=12, config={}),
    # Every other layer without positions.
    "smollm3-f16": dict(kind="smollm3", seed=13, dtype=torch.float16, config=dict(no_rope_layer_interval=2)),
    "gemma-bf16": dict(kind="gemma", seed=14, dtype=torch.bfloat16, config=dict(num_key_value_heads=1)),
    "gemma2-f32": dict(
        kind="gemma2",
        seed=15,
        config=dict(sliding_window=4, query_pre_attn_scalar=10, attn_logit_softcapping=2.0, final_logit_softcapping=3.0),
    ),
    # Two local layers, then a global one of another base, stretched.
    "gemma3-f16": dict(
        kind="gemma3_text",
        seed=16,
        dtype=torch.float16,
        config=dict(
            sliding_window=4,
            query_pre_attn_scalar=10,
            sliding_window_pattern=3,
            rope_theta=1000.0,
            rope_local_base_freq=100.0,
            rope_scaling=dict(rope_type="linear", factor=2.0),
        ),
    ),
    # Half of each head turned.
    "phi3-window-f32": dict(
        kind="phi3",
        seed=17,
        config=dict(num_attention_heads=2, num_key_value_heads=1, sliding_window=6, partial_rotary_factor=0.5),
    ),
    # Beyond its context the angles would change; a sequence ends there.
    "llama-dynamic-f32": dict(
        kind="llama", seed=18, config=dict(rope_theta=100.0, rope_scaling=dict(rope_type="dynamic", factor=2.0))
    ),
    # Blocks of 12 are long texts, the prompt of 5 a short one that grows long.
    "phi3-longrope-f32": dict(
        kind="phi3",
        seed=19,
        config=dict(
            original_max_position_embeddings=9,
            rope_theta=100.0,
            rope_scaling=dict(rope_type="longrope", short_factor=[1.0, 1.25, 1.5], long_factor=[1.5, 2.5, 4.0]),
        ),
    ),
}


def rms_norm(self, x):
    """As the reference, which however rounds to f32 on the way even when all else is f64."""
    return self.weight * (x * torch.rsqrt(x.pow(2).mean(-1, keepdim=True) + self.variance_epsilon))


def rms_norm_from_one(self, x):
    """As the reference, without its rounding."""
    return (1 + self.weight) * (x * torch.rsqrt(x.pow(2).mean(-1, keepdim=True) + self.eps))


for norm in (LlamaRMSNorm, MistralRMSNorm, Phi3RMSNorm, Qwen2RMSNorm, Qwen3RMSNorm, SmolLM3RMSNorm):
    norm.forward = rms_norm
for norm in (GemmaRMSNorm, Gemma2RMSNorm, Gemma3RMSNorm):
    norm.forward = rms_norm_from_one

rounding_softmax = F.softmax


def softmax(x, dim=None, dtype=None, **other):
    """Some attention is computed in f32 by name: here never in less than its input."""
    return rounding_softmax(x, dim=dim, dtype=x.dtype if x.dtype == torch.float64 else dtype, **other)


F.softmax = softmax


def make(kind, seed, dtype, config):
    torch.manual_seed(seed)
    base, attention = KINDS[kind]
    settings = AutoConfig.for_model(kind, **{**base, **config})
    model = AutoModelForCausalLM.from_config(settings, attn_implementation=attention, dtype=torch.float32)
    with torch.no_grad():
        for name, p in model.named_parameters():
            if p.dim() == 2:
                # Small token rows under large positions: a tied head then does not just repeat its input.
                token = any(n in name for n in ("wte", "embed_tokens", "word_embeddings"))
                place = "wpe" in name or "embed_positions" in name
                p.normal_(0, 0.2 if token else 0.6 if place else 0.3)
            else:
                p.normal_(1.0 if name.endswith("weight") and not kind.startswith("gemma") else 0.0, 0.2)
    return model.to(dtype)


def reference(kind, folder, dtype):
    _, attention = KINDS[kind]
    return AutoModelForCausalLM.from_pretrained(folder, dtype=dtype, attn_implementation=attention).train()


def loss_of(model, ids):
    # Transformers' own loss rounds the logits to f32 first; this is the same formula in the model's type.
    logits = model(ids).logits
    return logits, F.cross_entropy(logits[:, :-1].flatten(0, 1), ids[:, 1:].flatten())


def one_pass(model, ids):
    logits, loss = loss_of(model, ids)
    assert abs(float(loss) - float(model(ids, labels=ids).loss)) < 1e-5
    loss.backward()
    grads = {n: p.grad.detach().clone() for n, p in model.named_parameters()}
    model.zero_grad()
    return logits.detach(), float(loss.detach()), grads


def train(model, ids):
    decayed = [p for p in model.parameters() if p.dim() >= 2]
    exempt = [p for p in model.parameters() if p.dim() < 2]
    optimizer = torch.optim.AdamW(
        [dict(params=decayed, weight_decay=DECAY), dict(params=exempt, weight_decay=0.0)], lr=RATE
    )
    losses = []
    for _ in range(STEPS):
        _, loss = loss_of(model, ids)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), CLIP)
        optimizer.step()
        optimizer.zero_grad()
        losses.append(float(loss.detach()))
    return losses


def perplexity(model, stream):
    blocks = stream[: len(stream) // BLOCK * BLOCK].view(-1, BLOCK)
    with torch.no_grad():
        losses = [float(loss_of(model, b[None])[1]) for b in blocks]
    return torch.tensor(losses, dtype=torch.float64).mean().exp().item()


def far(got, want):
    """Largest difference relative to the largest value."""
    return ((got.double() - want.double()).abs().max() / want.double().abs().max()).item()


def furthest(got, want):
    """The worst of several; one that is zero but for rounding is held against the largest number of all."""
    largest = max(w.double().abs().max().item() for w in want.values())

    def one(g, w):
        own = w.double().abs().max().item()
        return (g.double() - w.double()).abs().max().item() / (own if own > 1e-9 * largest else largest)

    return max(one(got[n], want[n]) for n in want)


def golden(name, seed, config, kind="gpt2", dtype=torch.float32, shard="1GB"):
    folder = HERE / name
    shutil.rmtree(folder, ignore_errors=True)
    make(kind, seed, dtype, config).save_pretrained(folder, max_shard_size=shard)
    (folder / "generation_config.json").unlink(missing_ok=True)
    generator = torch.Generator().manual_seed(100 + seed)
    stream = torch.randint(1, VOCABULARY, (5 * BLOCK + 7,), generator=generator)
    ids = stream[: 2 * BLOCK].view(2, BLOCK)
    prompt = stream[:5]

    exact, single = reference(kind, folder, torch.float64), reference(kind, folder, torch.float32)
    logits, loss, grads = one_pass(exact, ids)
    logits32, loss32, grads32 = one_pass(single, ids)
    # With a cache, 5.18 drops it at the switch of longrope and goes on from the last token alone.
    generated = single.eval().generate(
        prompt[None],
        attention_mask=torch.ones(1, 5),
        do_sample=False,
        max_new_tokens=10,
        eos_token_id=None,
        pad_token_id=0,
        use_cache="longrope" not in name,
    )[0, 5:]
    ppl, ppl32 = perplexity(exact, stream), perplexity(single, stream)
    losses, losses32 = train(exact, ids), train(single.train(), ids)

    tensors = {"logits": logits, **{"grad/" + n: g for n, g in grads.items()}}
    save_file({n: t.float().contiguous() for n, t in tensors.items()}, folder / "golden.safetensors")
    record = {
        "versions": VERSIONS,
        "files": sorted(f.name for f in folder.iterdir()),
        "seed": seed,
        "stream": stream.tolist(),
        "block": BLOCK,
        "batch": 2,
        "loss": loss,
        "training": {"rate": RATE, "decay": DECAY, "clip": CLIP, "losses": losses},
        "prompt": prompt.tolist(),
        "greedy": generated.tolist(),
        "perplexity": ppl,
        "torch_f32": {
            "logits": far(logits32, logits),
            "loss": abs(loss32 / loss - 1),
            "gradients": furthest(grads32, grads),
            "losses": max(abs(a / b - 1) for a, b in zip(losses32, losses)),
            "perplexity": abs(ppl32 / ppl - 1),
        },
    }
    (folder / "golden.json").write_text(lines(record))
    print(name, "loss", loss, "losses", losses, "greedy", generated.tolist(), "ppl", ppl, record["torch_f32"])


def lines(record):
    """JSON with one field per line; lists of numbers as text, so that the reader needs no list of numbers."""

    def plain(v):
        if isinstance(v, dict):
            return {k: plain(x) for k, x in v.items()}
        if isinstance(v, list) and v and isinstance(v[0], (int, float)):
            return " ".join(map(repr, v))
        return [plain(x) for x in v] if isinstance(v, list) else v

    record = plain(record)
    return "{\n" + ",\n".join(f"{json.dumps(k)}: {json.dumps(v)}" for k, v in record.items()) + "\n}\n"


def sampling():
    """The distribution that the reference draws from after its warpers."""
    scores = torch.tensor([0.3, 2.0, -1.0, 1.5, 0.0, 2.5, -3.0, 1.0])
    cases = []
    for temperature, k, p in [(1, 0, 1), (0.5, 0, 1), (2, 3, 1), (1, 0, 0.7), (0.7, 5, 0.9), (1.5, 4, 0.6), (1, 1, 1), (1, 0, 0.01), (3, 0, 0.99)]:
        row = scores[None]
        if temperature != 1:
            row = TemperatureLogitsWarper(float(temperature))(None, row)
        if k > 0:
            row = TopKLogitsWarper(k)(None, row)
        if p < 1:
            row = TopPLogitsWarper(p)(None, row)
        cases.append({"temperature": temperature, "top_k": k, "top_p": p, "probabilities": row.softmax(-1)[0].double().tolist()})
    record = {"versions": VERSIONS, "scores": scores.tolist(), "cases": cases}
    (HERE / "sampling.json").write_text(lines(record))


def rotary():
    """Frequencies of scaled rotary positions, at the sizes of real models."""
    long_rope = dict(
        rope_type="longrope",
        short_factor=[1 + i / 80 for i in range(48)],
        long_factor=[1 + i * i / 35 for i in range(48)],
        original_max_position_embeddings=4096,
    )
    models = {
        "Llama-3.2-1B": (500000.0, 64, 131072, dict(rope_type="llama3", factor=32.0, low_freq_factor=1.0, high_freq_factor=4.0, original_max_position_embeddings=8192)),
        "Llama-3.1-8B": (500000.0, 128, 131072, dict(rope_type="llama3", factor=8.0, low_freq_factor=1.0, high_freq_factor=4.0, original_max_position_embeddings=8192)),
        "vicuna-7b-v1.5-16k": (10000.0, 128, 4096, dict(rope_type="linear", factor=4.0)),
        "Qwen2.5-7B-yarn": (1000000.0, 128, 32768, dict(rope_type="yarn", factor=4.0, original_max_position_embeddings=32768)),
        "vicuna-dynamic": (10000.0, 128, 4096, dict(rope_type="dynamic", factor=2.0)),
        "Phi-3-mini-128k": (10000.0, 96, 131072, long_rope),
        "longrope-odd": (500000.0, 96, 8192, long_rope | dict(factor=3.0, attention_factor=1.25)),
        "yarn-odd": (10000.0, 80, 4096, dict(rope_type="yarn", factor=16.0, beta_fast=24.0, beta_slow=2.0, truncate=False, attention_factor=1.1, original_max_position_embeddings=1024)),
    }
    cases = []
    for name, (theta, head, context, scaling) in models.items():
        config = AutoConfig.for_model(
            "llama", hidden_size=2 * head, num_attention_heads=2, head_dim=head, max_position_embeddings=context, rope_theta=theta, rope_scaling=dict(scaling)
        )
        init = ROPE_INIT_FUNCTIONS[scaling["rope_type"]]
        frequencies, length = init(config, "cpu")
        assert frequencies.dtype == torch.float32
        long = {}
        if scaling["rope_type"] == "longrope":
            long["long_frequencies"] = init(config, "cpu", seq_len=4097)[0].tolist()
        cases.append(
            {"name": name, "rope_theta": theta, "head_dim": head, "max_position_embeddings": context, "rope_scaling": scaling, "length": float(length), "frequencies": frequencies.tolist()}
            | long
        )
    (HERE / "rotary.json").write_text(lines({"versions": VERSIONS, "cases": cases}))


if __name__ == "__main__":
    wanted = sys.argv[1:]
    for name, settings in MODELS.items():
        if not wanted or name in wanted:
            golden(name, **settings)
    if not wanted:
        sampling()
    if not wanted or "rotary" in wanted:
        rotary()

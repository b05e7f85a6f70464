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
from transformers import GPT2Config, GPT2LMHeadModel, LlamaConfig, LlamaForCausalLM
from transformers.generation.logits_process import (
    TemperatureLogitsWarper,
    TopKLogitsWarper,
    TopPLogitsWarper,
)
from transformers.models.llama.modeling_llama import LlamaRMSNorm

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

KINDS = {"gpt2": (GPT2Config, GPT2LMHeadModel, BASE, "eager"), "llama": (LlamaConfig, LlamaForCausalLM, LLAMA, "sdpa")}


def rms_norm(self, x):
    """As the reference, which however rounds to f32 on the way even when all else is f64."""
    return self.weight * (x * torch.rsqrt(x.pow(2).mean(-1, keepdim=True) + self.variance_epsilon))


LlamaRMSNorm.forward = rms_norm


def make(kind, seed, dtype, config):
    torch.manual_seed(seed)
    config_class, model_class, base, _ = KINDS[kind]
    model = model_class(config_class(**{**base, **config}))
    with torch.no_grad():
        for name, p in model.named_parameters():
            if p.dim() == 2:
                # Small token rows under large positions: a tied head then does not just repeat its input.
                p.normal_(0, 0.2 if "wte" in name or "embed_tokens" in name else 0.6 if "wpe" in name else 0.3)
            else:
                p.normal_(1.0 if name.endswith("weight") else 0.0, 0.2)
    return model.to(dtype)


def reference(kind, folder, dtype):
    _, model_class, _, attention = KINDS[kind]
    return model_class.from_pretrained(folder, dtype=dtype, attn_implementation=attention).train()


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


def golden(name, seed, dtype, shard, config, kind="gpt2"):
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
    generated = single.eval().generate(
        prompt[None], attention_mask=torch.ones(1, 5), do_sample=False, max_new_tokens=10, eos_token_id=None, pad_token_id=0
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
            "gradients": max(far(grads32[n], grads[n]) for n in grads),
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


if __name__ == "__main__":
    wanted = sys.argv[1:]
    for name, settings in MODELS.items():
        if not wanted or name in wanted:
            golden(name, **settings)
    if not wanted:
        sampling()

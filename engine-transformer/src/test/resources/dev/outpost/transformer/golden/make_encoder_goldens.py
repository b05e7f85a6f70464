"""Writes the golden encoders beside this file, of text and of images: what Transformers and PyTorch compute.

    python make_encoder_goldens.py [NAME …]

As make_goldens.py: a model as Transformers saves it, golden.json and golden.safetensors (inputs, logits and
every gradient under the saved names). The reference is computed in f64 and stored as f32; "torch_f32" tells how
far PyTorch's own f32 run is from it. A head that gives features is trained as if they were scores of classes.
"""

import json
import pathlib
import shutil
import sys
import tempfile

import safetensors
import torch
import torch.nn.functional as F
import transformers
from safetensors.torch import load_file, save_file
from transformers import (
    BertConfig,
    BertForMaskedLM,
    BertForSequenceClassification,
    BertModel,
    CLIPConfig,
    CLIPModel,
    CLIPVisionConfig,
    CLIPVisionModel,
    CLIPVisionModelWithProjection,
    RobertaConfig,
    RobertaForMaskedLM,
    RobertaForSequenceClassification,
    ViTConfig,
    ViTForImageClassification,
    ViTModel,
)

HERE = pathlib.Path(__file__).resolve().parent
VOCABULARY, TIME, BATCH = 41, 10, 3
STEPS, RATE, DECAY, CLIP = 10, 3e-3, 0.1, 1.0
LENGTHS = [10, 7, 4]

VERSIONS = {
    "torch": torch.__version__,
    "transformers": transformers.__version__,
    "safetensors": safetensors.__version__,
}

BLOCK = dict(hidden_size=24, num_hidden_layers=3, num_attention_heads=2, intermediate_size=40)
TEXT = dict(vocab_size=VOCABULARY, hidden_dropout_prob=0.0, attention_probs_dropout_prob=0.0, **BLOCK)
IMAGE = dict(image_size=12, patch_size=4, **BLOCK)


def bert(**more):
    return BertConfig(max_position_embeddings=16, **{**TEXT, **more})


def roberta(**more):
    return RobertaConfig(max_position_embeddings=18, pad_token_id=1, layer_norm_eps=1e-5, **{**TEXT, **more})


def vit(**more):
    return ViTConfig(**{**IMAGE, **more})


def clip_vision(**more):
    return CLIPVisionConfig(**{**IMAGE, **more})


def clip():
    text = dict(vocab_size=5, max_position_embeddings=4, hidden_size=4, num_hidden_layers=1, num_attention_heads=1)
    text |= dict(intermediate_size=4, bos_token_id=1, eos_token_id=2)
    return CLIPConfig(projection_dim=10, text_config=text, vision_config=clip_vision().to_dict())


F32, BF16, F16 = torch.float32, torch.bfloat16, torch.float16
MODELS = {
    "bert-mlm-f32": dict(seed=21, dtype=F32, model=BertForMaskedLM, config=bert()),
    "bert-classes-bf16": dict(seed=22, dtype=BF16, model=BertForSequenceClassification, config=bert(num_labels=3, hidden_act="gelu_new")),
    "bert-features-f32": dict(seed=23, dtype=F32, model=BertModel, config=bert(type_vocab_size=3)),
    "roberta-mlm-f16": dict(seed=24, dtype=F16, model=RobertaForMaskedLM, config=roberta(type_vocab_size=1)),
    "roberta-classes-f32": dict(seed=25, dtype=F32, model=RobertaForSequenceClassification, config=roberta()),
    "vit-classes-f32": dict(seed=26, dtype=F32, model=ViTForImageClassification, config=vit(num_labels=5)),
    "vit-features-bf16": dict(seed=27, dtype=BF16, model=ViTModel, config=vit(qkv_bias=False)),
    "clip-vision-projected-f32": dict(seed=28, dtype=F32, model=CLIPVisionModelWithProjection, config=clip_vision(projection_dim=10)),
    "clip-vision-bare-f16": dict(seed=29, dtype=F16, model=CLIPVisionModel, config=clip_vision(image_size=14)),
    "clip-whole-f32": dict(seed=30, dtype=F32, model=CLIPModel, config=clip()),
}


def fill(model):
    with torch.no_grad():
        for name, p in model.named_parameters():
            if p.dim() >= 2 or "class_embedding" in name:
                p.normal_(0, 0.3)
            else:
                p.normal_(1.0 if name.endswith("weight") else 0.0, 0.2)


# Eager attention takes its softmax in f32 even when all else is f64.
def loaded(settings, folder, dtype):
    return settings["model"].from_pretrained(folder, dtype=dtype, attn_implementation="sdpa").train()


def scores(model, inputs):
    dtype = next(model.parameters()).dtype
    if "pixels" in inputs:
        pixels = inputs["pixels"].to(dtype)
        if isinstance(model, CLIPModel):
            pooled = model.vision_model(pixel_values=pixels).pooler_output
            return model.visual_projection(pooled)
        out = model(pixel_values=pixels)
    else:
        mask = (torch.arange(TIME)[None] < torch.tensor(LENGTHS)[:, None]).long()
        out = model(input_ids=inputs["ids"], token_type_ids=inputs["types"], attention_mask=mask)
    for field in ("logits", "image_embeds", "pooler_output"):
        if getattr(out, field, None) is not None:
            return getattr(out, field)
    raise ValueError(type(out))


def loss_of(model, inputs, targets):
    logits = scores(model, inputs)
    return logits, F.cross_entropy(logits.reshape(-1, logits.shape[-1]), targets.reshape(-1), ignore_index=-1)


def saved_names(model, numbers):
    """Numbers by parameter under the names that files use, which differ from those in memory."""
    with torch.no_grad():
        before = {n: p.detach().clone() for n, p in model.named_parameters()}
        for n, p in model.named_parameters():
            p.copy_(numbers[n])
        with tempfile.TemporaryDirectory() as folder:
            model.save_pretrained(folder)
            out = load_file(pathlib.Path(folder) / "model.safetensors")
        for n, p in model.named_parameters():
            p.copy_(before[n])
    return out


def one_pass(model, inputs, targets):
    logits, loss = loss_of(model, inputs, targets)
    loss.backward()
    grads = {n: p.grad.detach().clone() for n, p in model.named_parameters() if p.grad is not None}
    used = set(saved_names(model, {n: p.detach() for n, p in model.named_parameters()}))
    blank = {n: torch.full_like(p, float("nan")) for n, p in model.named_parameters()}
    named = saved_names(model, {**blank, **grads})
    model.zero_grad()
    assert set(named) == used
    return logits.detach(), float(loss.detach()), {n: g for n, g in named.items() if not g.isnan().any()}


def train(model, inputs, targets):
    decayed = [p for p in model.parameters() if p.dim() >= 2]
    exempt = [p for p in model.parameters() if p.dim() < 2]
    optimizer = torch.optim.AdamW([dict(params=decayed, weight_decay=DECAY), dict(params=exempt, weight_decay=0.0)], lr=RATE)
    losses = []
    for _ in range(STEPS):
        _, loss = loss_of(model, inputs, targets)
        loss.backward()
        torch.nn.utils.clip_grad_norm_([p for p in model.parameters() if p.grad is not None], CLIP)
        optimizer.step()
        optimizer.zero_grad()
        losses.append(float(loss.detach()))
    return losses


def far(got, want):
    return ((got.double() - want.double()).abs().max() / want.double().abs().max()).item()


def example(settings, generator):
    config = settings["config"]
    vision = getattr(config, "vision_config", config)
    if hasattr(vision, "image_size"):
        inputs = {"pixels": torch.randn(BATCH, 3, vision.image_size, vision.image_size, generator=generator)}
        return inputs, torch.tensor([2, 0, 1])
    # RoBERTa tells padding by its number.
    ids = torch.randint(4, VOCABULARY, (BATCH, TIME), generator=generator)
    for row, length in enumerate(LENGTHS):
        ids[row, length:] = config.pad_token_id
    types = torch.randint(0, config.type_vocab_size, (BATCH, TIME), generator=generator)
    targets = torch.tensor([1, 0, 1])
    if "MaskedLM" in settings["model"].__name__:
        targets = torch.randint(0, VOCABULARY, (BATCH, TIME), generator=generator)
        hidden = torch.rand(BATCH, TIME, generator=generator) < 0.5
        targets[hidden | (torch.arange(TIME)[None] >= torch.tensor(LENGTHS)[:, None])] = -1
    return {"ids": ids, "types": types}, targets


def golden(name, settings):
    folder = HERE / name
    shutil.rmtree(folder, ignore_errors=True)
    torch.manual_seed(settings["seed"])
    model = settings["model"](settings["config"])
    fill(model)
    model.to(settings["dtype"]).save_pretrained(folder)
    inputs, targets = example(settings, torch.Generator().manual_seed(100 + settings["seed"]))
    exact, single = loaded(settings, folder, torch.float64), loaded(settings, folder, torch.float32)
    logits, loss, grads = one_pass(exact, inputs, targets)
    logits32, loss32, grads32 = one_pass(single, inputs, targets)
    losses, losses32 = train(exact, inputs, targets), train(single, inputs, targets)
    if isinstance(model, (BertForMaskedLM, RobertaForMaskedLM)):
        keep = (torch.arange(TIME)[None] < torch.tensor(LENGTHS)[:, None])[..., None]
        logits, logits32 = logits * keep, logits32 * keep
    tensors = {"logits": logits, **{"grad/" + n: g for n, g in grads.items()}}
    tensors |= {k: v for k, v in inputs.items() if k == "pixels"}
    save_file({n: t.float().contiguous() for n, t in tensors.items()}, folder / "golden.safetensors")
    record = {
        "versions": VERSIONS,
        "files": sorted(f.name for f in folder.iterdir()),
        "seed": settings["seed"],
        "batch": BATCH,
        "targets": targets.flatten().tolist(),
        "loss": loss,
        "training": {"rate": RATE, "decay": DECAY, "clip": CLIP, "losses": losses},
        "torch_f32": {
            "logits": far(logits32, logits),
            "loss": abs(loss32 / loss - 1),
            # One that is 0 but for rounding (a key's bias shifts all scores of a query) has no relative distance.
            "gradients": max(far(grads32[n], grads[n]) for n in grads if grads[n].abs().max() > 1e-9),
            "losses": max(abs(a / b - 1) for a, b in zip(losses32, losses)),
        },
    }
    if "ids" in inputs:
        record |= {"ids": inputs["ids"].flatten().tolist(), "types": inputs["types"].flatten().tolist(), "lengths": LENGTHS}
    (folder / "golden.json").write_text(lines(record))
    print(name, "loss", loss, "losses", losses[-1], record["torch_f32"], sum(f.stat().st_size for f in folder.iterdir()))


def lines(record):
    """JSON with one field per line; lists of numbers as text, so that the reader needs no list of numbers."""

    def plain(v):
        if isinstance(v, dict):
            return {k: plain(x) for k, x in v.items()}
        if isinstance(v, list) and v and isinstance(v[0], (int, float)):
            return " ".join(map(repr, v))
        return [plain(x) for x in v] if isinstance(v, list) else v

    return "{\n" + ",\n".join(f"{json.dumps(k)}: {json.dumps(v)}" for k, v in plain(record).items()) + "\n}\n"


if __name__ == "__main__":
    for name, settings in MODELS.items():
        if not sys.argv[1:] or name in sys.argv[1:]:
            golden(name, settings)

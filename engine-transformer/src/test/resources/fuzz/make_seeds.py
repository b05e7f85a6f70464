"""Writes the good files of the fuzzing corpus, seed-*, into the folders beside this script: small ones of every kind
that the readers know, cut from the other goldens. Needs gguf and numpy."""
import json, pathlib, struct

import gguf, numpy as np

here = pathlib.Path(__file__).parent
resources = here.parent
transformer = resources / "dev/outpost/transformer"


def put(target, name, data):
    folder = here / target
    folder.mkdir(exist_ok=True)
    (folder / f"seed-{name}").write_bytes(data)


def safetensors(tensors, metadata=None):
    """tensors: name -> (dtype, shape, bytes)"""
    header, at = ({"__metadata__": metadata} if metadata else {}), 0
    for name, (dtype, shape, data) in tensors.items():
        header[name] = {"dtype": dtype, "shape": shape, "data_offsets": [at, at + len(data)]}
        at += len(data)
    text = json.dumps(header, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 8)
    return struct.pack("<Q", len(text)) + text + b"".join(d for _, _, d in tensors.values())


def safetensors_seeds():
    put("safetensors", "empty", safetensors({}))
    put("safetensors", "scalar", safetensors({"a": ("I32", [], bytes(4))}))
    put("safetensors", "three", safetensors(
        {"a": ("F32", [2, 1], bytes(8)), "b.weight": ("BF16", [3], bytes(6)), "c": ("F16", [0, 2], b"")},
        {"format": "pt"}))
    bits = {"BOOL": 8, "U8": 8, "I8": 8, "F8_E5M2": 8, "F8_E4M3": 8, "I16": 16, "F4": 4, "F64": 64, "C64": 64}
    put("safetensors", "types", safetensors({t: (t, [2], bytes(2 * n // 8)) for t, n in bits.items()}))


def fewer_tokens(t):
    """Keeps the tokens of single characters, the added ones and the first few merges, ids renumbered."""
    model, added = t["model"], t.get("added_tokens", [])
    names = {a["content"] for a in added}
    for field in ("unk_token",):
        if model.get(field): names.add(model[field])
    if isinstance(model["vocab"], list):
        old = [v[0] for v in model["vocab"]]
        keep = [i for i, v in enumerate(model["vocab"]) if v[0] in names or i < 24 or v[0].startswith("<0x")]
        model["vocab"] = [model["vocab"][i] for i in keep]
        if model.get("unk_id") is not None: model["unk_id"] = keep.index(model["unk_id"])
        new = {old[i]: k for k, i in enumerate(keep)}
    else:
        old = sorted(model["vocab"], key=model["vocab"].get)
        kept, merges = set(), []
        for m in model.get("merges", []):
            pair = m.split(" ") if isinstance(m, str) else m
            if len(merges) < 12 and "".join(pair) in model["vocab"]:
                merges.append(m)
                kept |= {pair[0], pair[1], "".join(pair)}
        if "merges" in model: model["merges"] = merges
        short = [v for v in old if len(v) == 1 or v.startswith("##") and len(v) == 3 or v.startswith("<0x")]
        whole = json.dumps(t).count("ByteLevel") or model.get("byte_fallback")
        short = short if whole else short[:48]
        new = {}
        for v in old:
            if v in names or v in kept or v in short or len(v.removesuffix("</w>")) == 1 and v.endswith("</w>"):
                new[v] = len(new)
        model["vocab"] = new
    known = dict(new)
    for a in added: a["id"] = known.setdefault(a["content"], len(known))
    def renumber(v):
        if isinstance(v, dict):
            if {"id", "ids", "tokens"} <= v.keys(): v["ids"] = [known.get(n, 0) for n in v["tokens"]]
            for k, x in v.items():
                if k in ("sep", "cls") and isinstance(x, list): x[1] = known.get(x[0], 0)
                else: renumber(x)
        elif isinstance(v, list):
            for x in v: renumber(x)
    renumber(t.get("post_processor"))
    return t


def tokenizer_seeds():
    for name in ("albert", "bert", "bloom", "clip", "cuts_digits", "cuts_punctuation", "cuts_regex", "deepseek", "gemma", "gpt2",
                 "llama2", "llama3", "openai_gpt", "o200k", "t5", "unigram_bytes", "word_level", "xlm_roberta"):
        t = json.loads((resources / "text/families" / name / "tokenizer.json").read_text())
        put("tokenizer", name, json.dumps(fewer_tokens(t), ensure_ascii=False, separators=(",", ":")).encode())


def config_seeds():
    for folder in sorted((transformer / "golden").iterdir()):
        if (folder / "config.json").exists() and not folder.name.startswith(("sharded", "clip-vision-projected")):
            put("config", folder.name, (folder / "config.json").read_bytes())


def chat_seeds():
    for t in json.loads((resources / "text/chat/goldens.json").read_text())["templates"]:
        put("chat_template", t["name"].replace("/", "-").replace(" ", "-").lower(), t["template"].encode())
    put("chat_template", "all", (
        "{%- set ns = namespace(a=1, b=[]) -%}{% for m in messages if m.role != 'x' %}{{ loop.index0 ~ m['content'][1:-1:2]"
        " | trim | upper }}{% set ns.a = ns.a + 2 * 3 // 2 % 5 - 1 / 4 %}{% else %}{{ m is defined and not 1 in [1, 2.5] }}"
        "{% endfor %}{% macro f(x, y='z') %}{{ x | tojson(indent=2) }}{{ y }}{% endmacro %}{{ f({'k': messages, 'n': none}) }}"
        "{{ range(3, 0, -1) | list | sort | join(', ') }}{{ messages | selectattr('role', 'equalto', 'user') | map(attribute="
        "'content') | list | length }}{{ 'a,b'.split(',', 1) | last | replace('b', 'c') | default('d', true) }}{% set q %}{{ "
        "strftime_now('%d %b %Y') }}{% endset %}{{ q.strip() if add_generation_prompt else bos_token }}{{ {'b': 1}.items() | "
        "dictsort | first }}{% if tools is none %}{% elif tools %}{% break %}{% endif %}").replace("{% break %}", "").encode())


def adapter_seeds():
    rng = np.random.default_rng(5)
    config = json.loads((transformer / "peft/llama-ranks/adapter_config.json").read_text())
    def tensors(layer, name, rank, out, to):
        path = f"base_model.model.model.layers.{layer}.self_attn.{name}."
        return {path + "lora_A.weight": ("F32", [rank, to], rng.standard_normal(rank * to).astype("<f4").tobytes()),
                path + "lora_B.weight": ("F32", [out, rank], rng.standard_normal(out * rank).astype("<f4").tobytes())}
    config |= {"r": 1, "lora_alpha": 2, "rank_pattern": {}, "alpha_pattern": {}}
    one = {"peft_type": "LORA", "r": 1}
    put("adapter", "least", json.dumps(one).encode() + b"\0" + safetensors(tensors(0, "q_proj", 1, 24, 24)))
    put("adapter", "whole", json.dumps(config).encode() + b"\0" + safetensors(
        tensors(0, "q_proj", 1, 24, 24) | tensors(2, "k_proj", 1, 12, 24), {"format": "pt"}))
    config |= {"rank_pattern": {"v_proj": 2}, "alpha_pattern": {"layers.1.self_attn.v_proj": 3.5}, "use_rslora": True}
    put("adapter", "patterns", json.dumps(config).encode() + b"\0" + safetensors(
        tensors(1, "v_proj", 2, 12, 24) | tensors(1, "o_proj", 1, 24, 24)))


def gguf_seeds():
    types = here / "gguf" / "seed-values"
    (here / "gguf").mkdir(exist_ok=True)
    w = gguf.GGUFWriter(types, "llama")
    for kind, v in (("uint8", 200), ("int8", -3), ("uint16", 60000), ("int16", -300), ("uint32", 1 << 31), ("int32", -7),
                    ("uint64", 1 << 40), ("int64", -9), ("float32", .25), ("float64", .1), ("bool", True), ("string", "ü")):
        getattr(w, "add_" + kind)("a." + kind, v)
    w.add_array("a.texts", ["a", "", "b"]); w.add_array("a.ints", [1, -2]); w.add_array("a.floats", [0.5])
    w.add_array("a.nested", [[1, 2], [3]])
    w.add_custom_alignment(8)
    w.add_tensor("f", np.zeros((2, 3), np.float32)); w.add_tensor("h", np.zeros(5, np.float16))
    w.add_tensor("q", np.zeros((1, 34), np.uint8), raw_dtype=gguf.GGMLQuantizationType.Q8_0)
    w.write_header_to_file(); w.write_kv_data_to_file(); w.write_tensors_to_file(); w.close()

    model = here / "gguf" / "seed-llama"
    w = gguf.GGUFWriter(model, "llama")
    w.add_context_length(8); w.add_embedding_length(4); w.add_block_count(1); w.add_feed_forward_length(4)
    w.add_head_count(2); w.add_head_count_kv(1); w.add_layer_norm_rms_eps(1e-5); w.add_rope_dimension_count(2)
    w.add_rope_freq_base(10000.0)
    printable = [*range(33, 127), *range(161, 173), *range(174, 256)]
    alphabet = [chr(b) for b in printable] + [chr(256 + n) for n in range(256 - len(printable))]
    tokens = alphabet + ["th", "the", "<|endoftext|>"]
    w.add_tokenizer_model("gpt2"); w.add_tokenizer_pre("smollm"); w.add_token_list(tokens)
    w.add_token_types([1] * (len(tokens) - 1) + [3]); w.add_token_merges(["t h", "th e"])
    w.add_bos_token_id(len(tokens) - 1); w.add_eos_token_id(len(tokens) - 1); w.add_add_bos_token(False)
    def t(name, *shape): w.add_tensor(name, np.zeros(shape, np.float32))
    t("token_embd.weight", len(tokens), 4); t("output_norm.weight", 4)
    for name, shape in (("attn_norm", (4,)), ("attn_q", (4, 4)), ("attn_k", (2, 4)), ("attn_v", (2, 4)), ("attn_output", (4, 4)),
                        ("ffn_norm", (4,)), ("ffn_gate", (4, 4)), ("ffn_up", (4, 4)), ("ffn_down", (4, 4))):
        t(f"blk.0.{name}.weight", *shape)
    w.write_header_to_file(); w.write_kv_data_to_file(); w.write_tensors_to_file(); w.close()


def tokenizer_model_seeds():
    for model in sorted((here / "../text/sentencepiece").glob("*/tokenizer.model")):
        put("tokenizer_model", model.parent.name, model.read_bytes())


safetensors_seeds(); tokenizer_seeds(); tokenizer_model_seeds(); config_seeds(); chat_seeds(); adapter_seeds(); gguf_seeds()

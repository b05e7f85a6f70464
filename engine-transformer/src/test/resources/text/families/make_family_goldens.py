"""Writes NAME/tokenizer.json for each family and goldens.json beside this script.

    pip install tokenizers==0.23.2
    python make_family_goldens.py
"""
import json
import os
import random

import tokenizers
from tokenizers import Tokenizer

import families
import texts

HERE = os.path.dirname(os.path.abspath(__file__))
all_texts = texts.FIXED + texts.random_texts(7, 40, families.CORPUS)
out = {"tokenizers": tokenizers.__version__, "texts": all_texts, "families": []}
rng = random.Random(8)
for family in families.FAMILIES:
    name = family.__name__
    tok = families.build(family)
    os.makedirs(os.path.join(HERE, name), exist_ok=True)
    with open(os.path.join(HERE, name, "tokenizer.json"), "w", encoding="utf8") as f:
        f.write(tok.to_str())
    cases = []
    for text in all_texts:
        framed = tok.encode(text)
        ids = tok.encode(text, add_special_tokens=False).ids
        cases.append([ids, framed.ids, tok.decode(ids, skip_special_tokens=False)])
    pairs = []
    for a, b in [("the cat", "isn't here"), ("", "x"), ("a b", "")]:
        e = tok.encode(a, b)
        p = tok.encode(a, b, add_special_tokens=False)
        pairs.append([a, b, e.ids, e.type_ids, p.ids, p.type_ids])
    n = tok.get_vocab_size()
    decodes = []
    for _ in range(12):
        ids = [rng.randrange(n) for _ in range(rng.randrange(1, 10))]
        try:
            decodes.append([ids, tok.decode(ids, skip_special_tokens=False)])
        except BaseException:
            pass  # a decoder of the reference that fails
    out["families"].append({"name": name, "cases": cases, "pairs": pairs, "decodes": decodes})

# Truncation and padding, as options of one tokenizer.
# Some trainers give another vocabulary each time.
tok = Tokenizer.from_file(os.path.join(HERE, "bert", "tokenizer.json"))
limits = []
for most in (3, 4, 5, 6, 7, 9, 12):
    for strategy in ("longest_first", "only_first", "only_second"):
        for direction in ("left", "right"):
            for pair in (None, "and a rather longer second text here"):
                for special in (True, False):
                    try:
                        tok.enable_truncation(most, strategy=strategy, direction=direction)
                        tok.enable_padding(direction=direction, pad_id=0, pad_type_id=0, length=10 if most == 7 else None,
                                           pad_to_multiple_of=4)
                        e = tok.encode("the first cat sat", pair, add_special_tokens=special)
                        limits.append([most, strategy, direction, pair, special, tok.to_str().split('"normalizer"')[0], e.ids,
                                       e.type_ids, e.attention_mask])
                    except BaseException:
                        limits.append([most, strategy, direction, pair, special, None, None, None, None])
for limit in limits:
    # What the file says of both.
    if limit[5]:
        head = json.loads(limit[5].rstrip().rstrip(",") + "}")
        limit[5] = {"truncation": head["truncation"], "padding": head["padding"]}
out["limits"] = limits
with open(os.path.join(HERE, "goldens.json"), "w", encoding="utf8") as f:
    json.dump(out, f, ensure_ascii=False, separators=(",", ":"))
    f.write("\n")

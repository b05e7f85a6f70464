"""Many random texts through every family: python differential.py FOLDER SEED COUNT [charsmap.base64]

Writes FOLDER/texts.json, and for each family FOLDER/NAME/tokenizer.json and FOLDER/NAME.jsonl: a line
of ids, framed ids and decoded text for each text. TokenizerDifferential, a test-scope main, compares.
A real precompiled_charsmap takes the place of the small one where it is given.
"""
import base64
import json
import os
import sys

import families
import texts

folder, seed, count = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
if len(sys.argv) > 4:
    with open(sys.argv[4]) as f:
        families.CHARSMAP = base64.b64decode(f.read())
all_texts = texts.random_texts(seed, count, families.CORPUS)
os.makedirs(folder, exist_ok=True)
with open(os.path.join(folder, "texts.json"), "w", encoding="utf8") as f:
    json.dump(all_texts, f, ensure_ascii=False)
for family in families.FAMILIES:
    tok = families.build(family)
    os.makedirs(os.path.join(folder, family.__name__), exist_ok=True)
    with open(os.path.join(folder, family.__name__, "tokenizer.json"), "w", encoding="utf8") as f:
        f.write(tok.to_str())
    with open(os.path.join(folder, family.__name__ + ".jsonl"), "w", encoding="utf8") as f:
        plain = tok.encode_batch(all_texts, add_special_tokens=False)
        framed = tok.encode_batch(all_texts)
        for p, e in zip(plain, framed):
            text = tok.decode(p.ids, skip_special_tokens=False)
            f.write(json.dumps([p.ids, e.ids, text], separators=(",", ":")) + "\n")

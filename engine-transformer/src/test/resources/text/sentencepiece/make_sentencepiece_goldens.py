"""Trains small SentencePiece models and writes what the package makes of texts.

    pip install sentencepiece==0.2.2
    python make_sentencepiece_goldens.py                            # NAME/tokenizer.model and goldens.json, beside this script
    python make_sentencepiece_goldens.py FOLDER SEED COUNT [real]   # many random texts; real: with the package's own nmt_nfkc tables

TokenizerDifferential, a test-scope main, compares with what the second form wrote.
"""
import io
import json
import os
import sys
import tempfile

import sentencepiece as spm

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "..", "families"))
import families
import texts

# Keys of one, two and three characters of which some begin others; long and empty texts.
RULES = [("ﬁ", "fi"), ("½", "1⁄2"), ("\t", " "), ("\n", " "), ("\u00a0", " "), ("\u3000", " "), ("\u200b", ""), ("\ufeff", ""),
         ("①", "1"), ("ｶ", "カ"), ("ｶ\uff9e", "ガ"), ("e\u0301", "é"), ("e\u0301\u0323", "ẹ́"), ("A", "a"), ("T", "t"), ("\u0130", "i\u0307"),
         ("A\u030a", "å"), ("Å", "å"), ("\ufdfa", "صلى الله عليه وسلم"), ("ß", "ss"), ("…", "..."), ("\u2028", " "), ("👍", "+1"), ("👍🏽", "+2")]


def hexes(text):
    return " ".join("%X" % ord(c) for c in text)


def build(name, real=False, **options):
    """The bytes of a model trained on the families' corpus."""
    rules = "rules.tsv"  # a model keeps the path it was trained with: here one without folders
    if options.pop("rules", False):
        if real:
            options["normalization_rule_name"] = "nmt_nfkc"
        else:
            with open(rules, "w", encoding="utf8") as f:
                f.writelines(f"{hexes(a)}\t{hexes(b)}\n" for a, b in RULES)
            options["normalization_rule_tsv"] = rules
    else:
        options["normalization_rule_name"] = "identity"
    model = io.BytesIO()
    spm.SentencePieceTrainer.train(sentence_iterator=iter(families.CORPUS), model_writer=model, hard_vocab_limit=False,
                                   num_threads=1, minloglevel=2, **options)
    return model.getvalue()


BPE = dict(model_type="bpe", byte_fallback=True, vocab_size=700)
MODELS = {
    # Llama 2 and Mistral.
    "llama": dict(BPE, split_digits=True, add_dummy_prefix=True, remove_extra_whitespaces=False, allow_whitespace_only_pieces=True),
    # Gemma.
    "gemma": dict(BPE, add_dummy_prefix=False, remove_extra_whitespaces=False, allow_whitespace_only_pieces=True, pad_id=0, eos_id=1, bos_id=2,
                  unk_id=3, control_symbols=["<mask>"], user_defined_symbols=["<start_of_turn>", "▁▁", "▁▁▁▁", "\n\n", "the", "t", "<|a|>", "<|a|>b"]),
    # The trainer's own ways, characters without a token.
    "bpe": dict(model_type="bpe", vocab_size=500, rules=True, character_coverage=0.98),
    # T5, ALBERT.
    "unigram": dict(model_type="unigram", vocab_size=500, rules=True, pad_id=0, eos_id=1, unk_id=2, bos_id=-1),
    "unigram_bytes": dict(model_type="unigram", vocab_size=700, byte_fallback=True, remove_extra_whitespaces=False,
                          user_defined_symbols=["<|a|>", "<|a|>b", "the", "é<norm>", "Å"], rules=True),
    "unigram_suffix": dict(model_type="unigram", vocab_size=500, treat_whitespace_as_suffix=True),
}


def answers(model, all_texts):
    sp = spm.SentencePieceProcessor(model_proto=model)
    for text in all_texts:
        ids = sp.encode(text)
        yield [ids, [*([sp.bos_id()] if sp.bos_id() >= 0 else []), *ids], sp.decode(ids)]


def write(folder, name, model):
    os.makedirs(os.path.join(folder, name), exist_ok=True)
    with open(os.path.join(folder, name, "tokenizer.model"), "wb") as f:
        f.write(model)


def goldens():
    all_texts = texts.FIXED + texts.random_texts(7, 60, families.CORPUS)
    out = {"sentencepiece": spm.__version__, "texts": all_texts, "models": {}}
    for name, options in MODELS.items():
        model = build(name, **options)
        write(HERE, name, model)
        out["models"][name] = [[ids, text] for ids, _, text in answers(model, all_texts)]
    with open(os.path.join(HERE, "goldens.json"), "w", encoding="utf8") as f:
        json.dump(out, f, ensure_ascii=False, separators=(",", ":"))
        f.write("\n")


def differential(folder, seed, count, real):
    all_texts = texts.random_texts(seed, count, families.CORPUS)
    os.makedirs(folder, exist_ok=True)
    with open(os.path.join(folder, "texts.json"), "w", encoding="utf8") as f:
        json.dump(all_texts, f, ensure_ascii=False)
    for name, options in MODELS.items():
        model = build(name, real, **options)
        write(folder, name, model)
        with open(os.path.join(folder, name + ".jsonl"), "w", encoding="utf8") as f:
            for ids, _, text in answers(model, all_texts):
                f.write(json.dumps([ids, text], separators=(",", ":")) + "\n")


target = os.path.abspath(sys.argv[1]) if len(sys.argv) > 1 else None
os.chdir(tempfile.mkdtemp())
if target is None:
    goldens()
else:
    differential(target, int(sys.argv[2]), int(sys.argv[3]), len(sys.argv) > 4)

"""Writes the tokenizer goldens beside this script from corpus.txt with the reference library.

    pip install tokenizers==0.23.2
    python make_text_goldens.py
"""
import json
import os
import random
import tokenizers
from tokenizers import AddedToken, Regex, Tokenizer, decoders, models, normalizers, trainers
from tokenizers import pre_tokenizers as pre

HERE = os.path.dirname(os.path.abspath(__file__))
CONTRACTIONS = r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|"
REST = r"| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"
LLAMA3 = CONTRACTIONS + r"\p{N}{1,3}" + REST
QWEN2 = CONTRACTIONS + r"\p{N}" + REST
BLOOM = " ?[^(\\s|[.,!?…。，、।۔،])]+"

TEXTS = [
    "", " ", "  ", "a", " a", "\n", "\r\n", "\r\n\r\n  x", "\t\t\tx\t", "\0", "a\0b", "\x01\x02\x1b[31m\x7f",
    "the cat's hat isn't that hat, we'll've I'd they're DON'T I'M it’s", "'s 's' ''s 'sx x's'",
    "for (int i = 0; i < n; i++) {\n    out[i] = a[i] * 0x1F; // 3.14e-5f\n}\n",
    "def f(x):\n\treturn {'a': [1, 2], \"b\": None}\n\n\n", "if(a&&b||!c){return\"\\u00e9\";}",
    "Привет, мир! Как дела? Съешь же ещё этих мягких французских булок",
    "Ελλάδα, ζαφείρι δέξου πάγκαλο", "שָׁלוֹם עולם", "مرحبا بالعالم، كيف الحال؟ ١٢٣", "नमस्ते दुनिया। १२३",
    "สวัสดีชาวโลก", "你好,世界。今天天气很好!", "こんにちは世界、カタカナ。", "안녕하세요 세계", "한글 각",
    "👍 👍🏽 👩‍👩‍👧‍👦 🏳️‍🌈 🇩🇪🇫🇷 ✂️ ❤️‍🔥", "😀" * 20, "𝔘𝔫𝔦𝔠𝔬𝔡𝔢 𐍈 𝟙𝟚𝟛 🄰",
    "nai\u0308ve e\u0301\u0323 A\u030a Z\u0351\u036b\u0343a\u0312", "x² ½ Ⅻ ㊿ ᛮ ٣٤٥ 一二三 ①②", "ﬁ ß İ ı ǅ ª ʰ \u1e9b\u0323",
    "a\u00a0b\u2003c\u3000d\u0085e\u2028f\u2029g\u200bh\ufeffi\u1680j\u180ek", "\u001c\u001d\u001e\u001f x",
    "  leading", "trailing  ", "a  b   c    d", " \n \n ", "x \n\n y", "   \t \r\n   z",
    "a" * 1000, "ab" * 500, "the" * 300, "-" * 333, " " * 257 + "x", "\n" * 65, "1234567890" * 9, "é" * 200, "你" * 100,
    "<|endoftext|>", "a<|endoftext|>b", "<|endoftext|><|endoftext|>", "<|endoftext", "<<|endoftext|>>", "x <|pad|> y",
    "a  <mask>  b", "<mask><mask> <mask>", "a  <wide>  b <wide> ", "a<word>b", "a <word> b", "<word>", "é<word>", "(<word>)", "<word>_",
    "<norm>", "e\u0301<norm>", "é<norm>", "<|a|>b<|a|>c", "<wide> <mask>", "\u3000<mask>", "<|pad|>  <mask>",
    "\ufffd \uffff \U0010ffff \U0001f9ff\u0300", "#version: 0.2", "Ġ Ċ ĠĠ Ń", "http://example.org/a?b=c&d=%20#e",
]


def random_texts(count):
    rng = random.Random(20)
    out = []
    while len(out) < count:
        limit = rng.choice([0x80, 0x250, 0x3000, 0x20000])
        chars = [chr(rng.randrange(limit)) for _ in range(rng.randrange(1, 20))]
        text = "".join(c if rng.random() < 0.7 else rng.choice([" ", "'s", "\n", "the", "9"]) for c in chars)
        if not any(0xD800 <= ord(c) < 0xE000 for c in text):
            out.append(text)
    return out


def cases(tokenizer, texts):
    out = []
    for text in texts:
        ids = tokenizer.encode(text, add_special_tokens=False).ids
        out.append({"text": text, "ids": ids, "decoded": tokenizer.decode(ids, skip_special_tokens=False)})
    return out


def byte_level(prefix=False, regex=True):
    return pre.ByteLevel(add_prefix_space=prefix, use_regex=regex)


def split(expression):
    return pre.Sequence([pre.Split(Regex(expression), "isolated"), byte_level(regex=False)])


with open(os.path.join(HERE, "corpus.txt"), encoding="utf8", newline="") as f:
    corpus = f.read()

tok = Tokenizer(models.BPE())
tok.pre_tokenizer = byte_level()
tok.decoder = decoders.ByteLevel()
trainer = trainers.BpeTrainer(
    vocab_size=900,
    special_tokens=["<|endoftext|>"],
    initial_alphabet=pre.ByteLevel.alphabet(),
    show_progress=False,
)
# Each line is a text of its own, line ends dropped.
tok.train_from_iterator(corpus.split("\n"), trainer)
os.makedirs(os.path.join(HERE, "legacy"), exist_ok=True)
tok.model.save(os.path.join(HERE, "legacy"))
with open(os.path.join(HERE, "legacy", "special_tokens_map.json"), "w") as f:
    f.write('{"eos_token": "<|endoftext|>", "pad_token": {"content": "<|endoftext|>"}}\n')

tok.add_special_tokens([AddedToken("<|pad|>", special=True, normalized=False)])
tok.add_tokens([
    AddedToken("<mask>", lstrip=True, normalized=False),
    AddedToken("<wide>", lstrip=True, rstrip=True, normalized=False),
    AddedToken("<word>", single_word=True, normalized=False),
    AddedToken("<norm>", normalized=True),
    AddedToken("e\u0301<norm>", normalized=True),
    AddedToken("<|a|>b", normalized=False),
    AddedToken("<|a|>", normalized=False),
])
os.makedirs(os.path.join(HERE, "tiny"), exist_ok=True)
with open(os.path.join(HERE, "tiny", "tokenizer.json"), "w", encoding="utf8") as f:
    f.write(tok.to_str())

VARIANTS = {
    "gpt2": (None, byte_level(), False),
    "prefixSpace": (None, byte_level(True), False),
    "wholeWords": (None, byte_level(), True),
    "llama3": (None, split(LLAMA3), True),
    "qwen2": (normalizers.NFC(), split(QWEN2), False),
    "bloom": (None, split(BLOOM), False),
    "digits": (None, pre.Sequence([pre.Digits(True), byte_level()]), False),
    "digitRuns": (None, pre.Sequence([pre.Digits(False), byte_level(True)]), False),
}
variants = []
for name, (normalizer, pre_tokenizer, whole_words) in VARIANTS.items():
    base = json.loads(tok.to_str())
    base["model"]["ignore_merges"] = whole_words
    variant = Tokenizer.from_str(json.dumps(base))
    variant.pre_tokenizer = pre_tokenizer
    if normalizer:
        variant.normalizer = normalizer
    base = json.loads(variant.to_str())
    variant = Tokenizer.from_str(json.dumps(base))
    texts = TEXTS + random_texts(60) if name == "gpt2" else [t for t in TEXTS if len(t) < 100]
    variants.append({
        "name": name,
        "normalizer": base["normalizer"],
        "pre_tokenizer": base["pre_tokenizer"],
        "ignore_merges": whole_words,
        "cases": cases(variant, texts),
    })

rng = random.Random(21)
decodes = []
for _ in range(150):
    ids = [rng.randrange(rng.choice([257, 257, 908])) for _ in range(rng.randrange(1, 12))]
    decodes.append({"ids": ids, "text": tok.decode(ids, skip_special_tokens=False)})
goldens = {"tokenizers": tokenizers.__version__, "variants": variants, "decodes": decodes}
with open(os.path.join(HERE, "goldens.json"), "w", encoding="utf8") as f:
    json.dump(goldens, f, ensure_ascii=False, separators=(",", ":"))
    f.write("\n")

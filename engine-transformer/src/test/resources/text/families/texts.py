"""Texts that tokenizers get wrong."""
import random

FIXED = [
    "", " ", "  ", "a", " a", "\n", "\r\n", "\r\n\r\n  x", "\t\t\tx\t", "\0", "a\0b", "\x01\x02\x1b[31m\x7f",
    "the cat's hat isn't that hat, we'll've I'd they're DON'T I'M it’s", "x's 's' ''s 'sx 'ſ",
    "for (int i = 0; i < n; i++) {\n    out[i] = a[i] * 0x1F; // 3.14e-5f\n}\n",
    "def f(x):\n\treturn {'a': [1, 2], \"b\": None}\n\n\n", "camelCaseWord HTTPServer XMLHttpRequest2 snake_case",
    "Привет, мир! Как дела?", "Ελλάδα, ΟΔΟΣ ΣΑΣ", "שָׁלוֹם עולם", "مرحبا بالعالم، كيف الحال؟ ١٢٣", "नमस्ते दुनिया। १२३",
    "สวัสดีชาวโลก", "你好,世界。今天天气很好!", "こんにちは世界、カタカナ。ｶﾀｶﾅ", "안녕하세요 세계", "한글 각",
    "👍🏽 👩‍👩‍👧‍👦 🏳️‍🌈 🇩🇪🇫🇷 ✂️", "😀" * 5, "𝔘𝔫𝔦 𐍈 𝟙𝟚", "nai\u0308ve e\u0301\u0323 A\u030a", "naïve é Å ẹ́", "x² ½ Ⅻ ㊿ ٣٤٥ ①②",
    "ﬁ ß İ ı ǅ ª ʰ \u1e9b\u0323 Ａｂ", "a\u00a0b\u2003c\u3000d\u0085e\u2028f\u200bh\ufeffi\u1680j", "\u001c\u001d\u001f x \u00ad",
    "  leading", "trailing  ", "a  b   c    d", " \n \n ", "x \n\n y", "▁a ▁▁b", "``quoted'' text", "<unk>", "a <unk>b", "<0x41>", "##ing",
    "a" * 120, "-" * 33, " " * 40 + "x", "1234567890" * 3, "é" * 20, "你" * 12, "qzxj" * 30,
    "<|endoftext|>", "a<|endoftext|>b", "a  <mask>  b", "[MASK] a [MASK]", "<norm>a <norm>", "x</s> y<s>", "[INST] hi [/INST]",
    "<|user|>\n  hi<|end|>\n<|assistant|> ", "[CLS] a [SEP]", "\ufffd \uffff \U0010ffff \U0001f9ff\u0300", "Ġ Ċ Ń</w>",
    "http://example.org/a?b=c&d=%20#e", "don't do not . ? ! , ' n't",
]
PIECES = [t for t in FIXED if 0 < len(t) < 40] + [
    "the ", "The", " of", "don't", "'S", "0x1F", "3.14159", "1234567890", "\u0301", "\u0323", "\u200d", "\u093f", "\u094d", "क्षि",
    "각", "\U0001f1e9", "\ufe0f", "\r", "  ", "   \t ", "_", "__init__", "--", "...", "()[]{}", "\\", "\"", "and", "ing", "tion",
    "\u0344", "\u1e9b", "\u0390", "\u03d3", "\ufb2c", "\uac00\u11a8", "\u1100\u1161\u11a8", "\U0001d15e", "\u2126", "\u0958", "</w>", "$",
]


def random_texts(seed, count, corpus=()):
    """Pieces, corpus, characters of all planes, runs; about one in twenty is long."""
    rng = random.Random(seed)
    out = []
    for _ in range(count):
        parts = []
        for _ in range(rng.randrange(80 if rng.randrange(20) == 0 else 9)):
            kind = rng.randrange(10)
            if kind < 4:
                parts.append(rng.choice(PIECES))
            elif kind < 6 and corpus:
                line = rng.choice(corpus)
                at = rng.randrange(len(line) + 1)
                parts.append(line[at:at + rng.randrange(40)])
            elif kind < 9:
                limit = [0x80, 0x3000, 0x20000 if rng.random() < 0.8 else 0x110000][kind - 6]
                c = rng.randrange(limit)
                parts.append(chr(c) if not 0xD800 <= c < 0xE000 else "\ufffd")
            else:
                parts.append(chr(rng.randrange(0x250)) * rng.randrange(1, 13))
        out.append("".join(parts))
    return out

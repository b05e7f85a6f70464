"""Small tokenizers with the normalizers, pre-tokenizers, post-processors and decoders of the families.

Each is trained on ../corpus.txt, so that it is small; all that stands around the model is what the
family's own tokenizer.json says. Used by make_family_goldens.py and differential.py.
"""
import base64
import json
import os
import struct
import unicodedata

from tokenizers import AddedToken, Regex, Tokenizer, decoders, models, normalizers as nz, processors
from tokenizers import pre_tokenizers as pre, trainers

HERE = os.path.dirname(os.path.abspath(__file__))
GPT4_HEAD = r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|"
GPT4_TAIL = r"| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"
LLAMA3 = GPT4_HEAD + r"\p{N}{1,3}" + GPT4_TAIL
QWEN2 = GPT4_HEAD + r"\p{N}" + GPT4_TAIL
BLOOM = " ?[^(\\s|[.,!?…。，、।۔،])]+"
DEEPSEEK = (r"""[!"#$%&'()*+,\-./:;<=>?@\[\\\]^_`{|}~][A-Za-z]+|[^\r\n\p{L}\p{P}\p{S}]?[\p{L}\p{M}]+"""
            r"""| ?[\p{P}\p{S}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+""")
O200K = (r"[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]*[\p{Ll}\p{Lm}\p{Lo}\p{M}]+(?i:'s|'t|'re|'ve|'m|'ll|'d)?"
         r"|[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]+[\p{Ll}\p{Lm}\p{Lo}\p{M}]*(?i:'s|'t|'re|'ve|'m|'ll|'d)?"
         r"|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n/]*|\s*[\r\n]+|\s+(?!\S)|\s+")
CLIP = r"'s|'t|'re|'ve|'m|'ll|'d|[\p{L}]+|[\p{N}]|[^\s\p{L}\p{N}]+"
TIKTOKEN = (r"'(?i:[sdmt]|ll|ve|re)|[^\r\n\p{L}\p{N}]?+\p{L}++|\p{N}{1,3}+| ?[^\s\p{L}\p{N}]++[\r\n]*+"
            r"|\s++$|\s*[\r\n]|\s+(?!\S)|\s")

with open(os.path.join(HERE, "..", "corpus.txt"), encoding="utf8", newline="") as f:
    CORPUS = f.read().split("\n")


def charsmap(rules):
    """SentencePiece's precompiled_charsmap: a darts double array over UTF-8, then the texts."""
    texts, places = b"", {}
    for value in sorted(set(rules.values())):
        places[value] = len(texts)
        texts += value.encode() + b"\0"
    trie = {}
    for key, value in rules.items():
        node = trie
        for b in key.encode():
            node = node.setdefault(b, {})
        node[-1] = places[value]
    units, used = [0] * 4096, {0}

    def grow(n):
        while n >= len(units):
            units.extend([0] * 4096)

    def place(node, pos):
        labels = sorted(k if k >= 0 else 0 for k in node)
        base = 1
        while base == 0 or any((base ^ k) in used for k in labels) or (base ^ pos) >> 21:
            base += 1
        for k in labels:
            grow(base ^ k)
            used.add(base ^ k)
        offset = base ^ pos
        units[pos] |= offset << 10 | ((1 << 8) if -1 in node else 0)
        for k, child in node.items():
            if k == -1:
                units[base] = child | 1 << 31
            else:
                units[base ^ k] |= k
                place(child, base ^ k)

    place(trie, 0)
    grow(max(used) | 255)
    # A free unit must match no label.
    for i in range(len(units)):
        if i not in used:
            units[i] = 0x80000000
    size = (max(used) | 255) + 1
    blob = struct.pack("<%dI" % size, *units[:size])
    return struct.pack("<I", len(blob)) + blob + texts


def nmt_nfkc():
    """A few hundred of the rules that SentencePiece's nmt_nfkc has."""
    rules = {}
    for lo, hi in [(0xA0, 0x180), (0x1F1, 0x1F4), (0x2000, 0x2070), (0x2100, 0x2140), (0x2460, 0x2470),
                   (0x3130, 0x3140), (0xFB00, 0xFB07), (0xFF01, 0xFF60), (0x1D518, 0x1D530)]:
        for c in range(lo, hi):
            to = unicodedata.normalize("NFKC", chr(c))
            if to != chr(c):
                rules[chr(c)] = to
    for base in "aeiouAEIOUncyz":
        for mark in "\u0300\u0301\u0302\u0303\u0308\u030c":
            to = unicodedata.normalize("NFC", base + mark)
            if len(to) == 1:
                rules[base + mark] = to
    for c in list(range(1, 9)) + [0xB, 0x7F, 0x8F, 0x9F] + list(range(0xE, 0x20)):
        rules[chr(c)] = ""
    for c in [9, 10, 12, 13, 0x1680, 0x2028, 0x2029, 0xFEFF, 0xFFFD] + list(range(0x200B, 0x2010)):
        rules[chr(c)] = " "
    rules["\r\n"] = " "
    return charsmap(rules)


CHARSMAP = nmt_nfkc()


def precompiled():
    return nz.Precompiled(CHARSMAP)


def byte_level(prefix=False, regex=True, trim=True):
    return pre.ByteLevel(add_prefix_space=prefix, use_regex=regex, trim_offsets=trim)


def split(*expressions):
    return pre.Sequence([pre.Split(Regex(e), "isolated") for e in expressions] + [byte_level(regex=False)])


def byte_bpe(pre_tokenizer, special, size=560, **model):
    tok = Tokenizer(models.BPE(**model))
    tok.pre_tokenizer = pre_tokenizer
    tok.decoder = decoders.ByteLevel()
    tok.post_processor = processors.ByteLevel(trim_offsets=False)
    tok.train_from_iterator(CORPUS, trainers.BpeTrainer(
        vocab_size=size, special_tokens=special, initial_alphabet=pre.ByteLevel.alphabet(), show_progress=False))
    return tok


def char_bpe(pre_tokenizer, special, normalizer=None, size=420, bytes_at=None, **model):
    """BPE over characters; with bytes_at the tokens of the 256 bytes are put there into the vocabulary."""
    tok = Tokenizer(models.BPE(unk_token="<unk>" if "<unk>" in special else None))
    if normalizer:
        tok.normalizer = normalizer
    if pre_tokenizer:
        tok.pre_tokenizer = pre_tokenizer
    suffix = {"end_of_word_suffix": model["end_of_word_suffix"]} if "end_of_word_suffix" in model else {}
    prefix = ({"continuing_subword_prefix": model["continuing_subword_prefix"]}
              if "continuing_subword_prefix" in model else {})
    tok.train_from_iterator(CORPUS, trainers.BpeTrainer(
        vocab_size=size, special_tokens=special, limit_alphabet=120, show_progress=False, **suffix, **prefix))
    root = json.loads(tok.to_str())
    if bytes_at is not None:
        tokens = [t for t, _ in sorted(root["model"]["vocab"].items(), key=lambda e: e[1])]
        tokens[bytes_at:bytes_at] = ["<0x%02X>" % b for b in range(256)]
        root["model"]["vocab"] = {t: i for i, t in enumerate(tokens)}
        root["added_tokens"] = [dict(a, id=root["model"]["vocab"][a["content"]]) for a in root["added_tokens"]]
    root["model"].update(model)
    return Tokenizer.from_str(json.dumps(root))


def unigram(normalizer, pre_tokenizer, special, size=420, byte_fallback=False):
    tok = Tokenizer(models.Unigram())
    if normalizer:
        tok.normalizer = normalizer
    tok.pre_tokenizer = pre_tokenizer
    tok.train_from_iterator(CORPUS, trainers.UnigramTrainer(
        vocab_size=size, special_tokens=special, unk_token="<unk>", show_progress=False))
    root = json.loads(tok.to_str())
    if byte_fallback:
        vocab = root["model"]["vocab"]
        # A hole for each few bytes: a text that needs one is unknown.
        vocab += [["<0x%02X>" % b, 0.0] for b in range(256) if b != 0xF0]
        root["model"]["byte_fallback"] = True
    # Rounded, so that the goldens are small and the scores tie now and then.
    root["model"]["vocab"] = [[t, round(s, 2)] for t, s in root["model"]["vocab"]]
    return Tokenizer.from_str(json.dumps(root))


def word_piece(normalizer, pre_tokenizer, **model):
    tok = Tokenizer(models.WordPiece(unk_token="[UNK]"))
    tok.normalizer = normalizer
    tok.pre_tokenizer = pre_tokenizer
    tok.decoder = decoders.WordPiece(prefix="##")
    tok.train_from_iterator(CORPUS, trainers.WordPieceTrainer(
        vocab_size=520, special_tokens=["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"], show_progress=False,
        limit_alphabet=150))
    root = json.loads(tok.to_str())
    root["model"].update(model)
    return Tokenizer.from_str(json.dumps(root))


def gpt2():
    return byte_bpe(byte_level(), ["<|endoftext|>"])


def roberta():
    tok = byte_bpe(byte_level(), ["<s>", "<pad>", "</s>", "<unk>"], unk_token="<unk>")
    tok.add_special_tokens([AddedToken("<mask>", lstrip=True)])
    tok.post_processor = processors.RobertaProcessing(("</s>", 2), ("<s>", 0), trim_offsets=True, add_prefix_space=False)
    return tok


def opt():
    tok = byte_bpe(byte_level(), ["<s>", "<pad>", "</s>", "<unk>"])
    tok.add_special_tokens([AddedToken("</s>", normalized=True)])
    tok.post_processor = processors.TemplateProcessing(single="</s> $A", pair="</s> $A </s> $B:1", special_tokens=[("</s>", 2)])
    return tok


def llama_decoder():
    return decoders.Sequence([decoders.Replace("▁", " "), decoders.ByteFallback(), decoders.Fuse(), decoders.Strip(" ", 1, 0)])


def bos(token, id):
    return processors.TemplateProcessing(
        single=f"{token} $A", pair=f"{token} $A {token}:1 $B:1", special_tokens=[(token, id)])


def llama2():
    tok = char_bpe(None, ["<unk>", "<s>", "</s>"], nz.Sequence([nz.Prepend("▁"), nz.Replace(" ", "▁")]),
                   bytes_at=3, byte_fallback=True, fuse_unk=True)
    tok.add_tokens([AddedToken("<norm>", normalized=True)])
    tok.decoder = llama_decoder()
    tok.post_processor = bos("<s>", 1)
    return tok


def mistral():
    tok = char_bpe(pre.Metaspace(prepend_scheme="first", split=False), ["<unk>", "<s>", "</s>", "[INST]", "[/INST]"],
                   bytes_at=3, byte_fallback=True, fuse_unk=True)
    tok.decoder = llama_decoder()
    tok.post_processor = bos("<s>", 1)
    return tok


def phi3():
    tok = llama2()
    tok.add_special_tokens([AddedToken("<|user|>", rstrip=True), AddedToken("<|end|>", rstrip=True),
                            AddedToken("<|assistant|>", rstrip=True)])
    return tok


def gemma():
    tok = char_bpe(pre.Split(" ", "merged_with_previous"), ["<pad>", "<eos>", "<bos>", "<unk>"],
                   nz.Replace(" ", "▁"), bytes_at=4, byte_fallback=True, fuse_unk=True)
    tok.add_tokens([AddedToken("\n\n", normalized=False), AddedToken("▁▁", normalized=False)])
    tok.decoder = decoders.Sequence([decoders.Replace("▁", " "), decoders.ByteFallback(), decoders.Fuse()])
    tok.post_processor = bos("<bos>", 2)
    return tok


def llama3():
    tok = byte_bpe(split(LLAMA3), ["<|begin_of_text|>", "<|end_of_text|>", "<|eot_id|>"], ignore_merges=True)
    tok.post_processor = processors.Sequence([processors.ByteLevel(trim_offsets=False), bos("<|begin_of_text|>", 0)])
    return tok


def qwen2():
    tok = byte_bpe(split(QWEN2), ["<|endoftext|>", "<|im_start|>", "<|im_end|>"])
    tok.normalizer = nz.NFC()
    return tok


def bloom():
    return byte_bpe(split(BLOOM), ["<unk>", "<s>", "</s>", "<pad>"])


def starcoder():
    return byte_bpe(pre.Sequence([pre.Digits(True), byte_level()]), ["<|endoftext|>", "<fim_prefix>"])


def deepseek():
    tok = byte_bpe(split(r"\p{N}{1,3}", "[一-龥぀-ゟ゠-ヿ]+", DEEPSEEK), ["<｜begin▁of▁sentence｜>", "<｜end▁of▁sentence｜>"])
    tok.post_processor = bos("<｜begin▁of▁sentence｜>", 0)
    return tok


def o200k():
    return byte_bpe(split(O200K), ["<|endoftext|>"])


def tiktoken():
    return byte_bpe(split(TIKTOKEN), ["<|endoftext|>"])


def bert(cased=False):
    tok = word_piece(nz.BertNormalizer(lowercase=not cased), pre.BertPreTokenizer())
    tok.post_processor = processors.TemplateProcessing(
        single="[CLS] $A [SEP]", pair="[CLS] $A [SEP] $B:1 [SEP]:1", special_tokens=[("[CLS]", 2), ("[SEP]", 3)])
    return tok


def bert_cased():
    tok = bert(True)
    tok.post_processor = processors.BertProcessing(("[SEP]", 3), ("[CLS]", 2))
    return tok


def t5():
    tok = unigram(precompiled(), pre.Metaspace(), ["<pad>", "</s>", "<unk>"])
    tok.decoder = decoders.Metaspace()
    tok.post_processor = processors.TemplateProcessing(
        single="$A </s>", pair="$A </s> $B </s>", special_tokens=[("</s>", 1)])
    return tok


def albert():
    tok = unigram(nz.Sequence([nz.Replace("``", '"'), nz.Replace("''", '"'), nz.NFKD(), nz.StripAccents(), nz.Lowercase(),
                               precompiled(), nz.Replace(Regex(" {2,}"), " ")]), pre.Metaspace(), ["<pad>", "<unk>", "[CLS]", "[SEP]"])
    tok.add_special_tokens([AddedToken("[MASK]", lstrip=True)])
    tok.decoder = decoders.Metaspace()
    tok.post_processor = processors.TemplateProcessing(
        single="[CLS]:0 $A:0 [SEP]:0", pair="[CLS]:0 $A:0 [SEP]:0 $B:1 [SEP]:1", special_tokens=[("[CLS]", 2), ("[SEP]", 3)])
    return tok


def xlm_roberta():
    tok = unigram(nz.Sequence([precompiled(), nz.Strip(left=False, right=True), nz.Replace(Regex(" {2,}"), "▁")]),
                  pre.Sequence([pre.WhitespaceSplit(), pre.Metaspace()]), ["<s>", "<pad>", "</s>", "<unk>"])
    tok.decoder = decoders.Metaspace()
    tok.post_processor = processors.TemplateProcessing(
        single="<s> $A </s>", pair="<s> $A </s> </s> $B </s>", special_tokens=[("<s>", 0), ("</s>", 2)])
    return tok


def unigram_bytes():
    tok = unigram(nz.Sequence([nz.Nmt(), nz.NFKC(), nz.Replace(Regex(r"\p{Z}+"), " ")]),
                  pre.Metaspace(prepend_scheme="first"), ["<unk>", "<s>", "</s>"], byte_fallback=True)
    tok.decoder = decoders.Sequence([decoders.ByteFallback(), decoders.Metaspace(prepend_scheme="first")])
    tok.post_processor = bos("<s>", 1)
    return tok


def clip():
    tok = char_bpe(pre.Sequence([pre.Split(Regex(CLIP), "removed", invert=True), byte_level()]),
                   ["<|startoftext|>", "<|endoftext|>"],
                   nz.Sequence([nz.NFC(), nz.Replace(Regex(r"\s+"), " "), nz.Lowercase()]),
                   end_of_word_suffix="</w>", unk_token="<|endoftext|>")
    tok.decoder = decoders.ByteLevel()
    tok.post_processor = processors.RobertaProcessing(("<|endoftext|>", 1), ("<|startoftext|>", 0), trim_offsets=False,
                                                      add_prefix_space=False)
    return tok


def openai_gpt():
    tok = char_bpe(pre.BertPreTokenizer(), ["<unk>"], nz.BertNormalizer(), end_of_word_suffix="</w>", fuse_unk=False)
    tok.decoder = decoders.BPEDecoder("</w>")
    return tok


def word_level():
    tok = Tokenizer(models.WordLevel(unk_token="<unk>"))
    tok.normalizer = nz.Sequence([nz.NFD(), nz.StripAccents(), nz.Lowercase(), nz.Strip()])
    tok.pre_tokenizer = pre.Whitespace()
    tok.train_from_iterator(CORPUS, trainers.WordLevelTrainer(vocab_size=400, special_tokens=["<unk>"], show_progress=False))
    return tok


def cuts(*steps, normalizer=None, **model):
    """The end of each word is visible in the ids."""
    return char_bpe(pre.Sequence(list(steps)), ["<unk>"], normalizer, end_of_word_suffix="$", size=380, **model)


def cuts_digits():
    return cuts(pre.WhitespaceSplit(), pre.Digits(False), pre.Punctuation("contiguous"))


def cuts_punctuation():
    return cuts(pre.Punctuation("merged_with_previous"), pre.Split("a", "merged_with_next"), pre.Digits(True))


def cuts_regex():
    return cuts(pre.Split(Regex(r"(?=[A-Z])|\w+"), "merged_with_previous"),
                pre.Split(Regex(r"[aeiou]+"), "contiguous", invert=True), fuse_unk=True)


def cuts_removed():
    return cuts(pre.CharDelimiterSplit("e"), pre.Split(Regex(r"\s|(?<=t)h|^\p{Lu}|[[:digit:]]$"), "removed"),
                pre.Split("i", "contiguous"), normalizer=nz.NFKD())


def cuts_words():
    tok = cuts(pre.Whitespace(), pre.FixedLength(4), continuing_subword_prefix="##")
    tok.decoder = decoders.Sequence([decoders.Strip("a", 1, 0), decoders.Replace(Regex("##|o+"), ""), decoders.WordPiece("t", False)])
    return tok


def byte_normalizer():
    tok = char_bpe(pre.Metaspace(prepend_scheme="never"), ["<unk>"], nz.Sequence([nz.Strip(), nz.ByteLevel()]), fuse_unk=True)
    tok.decoder = decoders.Sequence([decoders.Metaspace(prepend_scheme="never"), decoders.ByteLevel()])
    return tok


FAMILIES = [gpt2, roberta, opt, bloom, starcoder, llama2, mistral, phi3, gemma, llama3, qwen2, deepseek, o200k, tiktoken,
            bert, bert_cased, t5, albert, xlm_roberta, unigram_bytes, clip, openai_gpt, word_level,
            cuts_digits, cuts_punctuation, cuts_regex, cuts_removed, cuts_words, byte_normalizer]


def build(family):
    tok = family()
    # As a file is read: ids of added tokens and all.
    return Tokenizer.from_str(tok.to_str())

"""Opens with the gguf package and with llama.cpp what the engine wrote as GGUF. Nothing of it is committed.

    java … dev.outpost.transformer.GgufCheck FOLDER    writes goldens as F32 files below FOLDER, without a tokenizer, and the logits they give here
    python reopen_gguf.py FOLDER LIBRARIES             the package's tensors against the checkpoints', llama.cpp's logits against the engine's

LIBRARIES holds llama.cpp's shared libraries (libllama, libggml, libggml-base, libggml-cpu…), as its releases have them.
The cache is kept in F32 and flash attention is off, so that what differs is the order of sums and ggml's tables of GELU (f16).
"""

import ctypes
import json
import os
import pathlib
import sys

import gguf
import numpy as np
import torch
from safetensors.torch import load_file

IDS = [1 + 3 * i for i in range(15)]
ARCHITECTURES = {"mistral": "llama", "gemma3_text": "gemma3"}


def expected(config, name, w):
    """The checkpoint's tensor as llama.cpp's converter lays it out."""
    kind = config["model_type"]
    heads = config.get("num_attention_heads", config.get("n_head"))
    if kind in ("llama", "mistral") and name.endswith(("q_proj.weight", "k_proj.weight")):
        n = heads if "q_proj" in name else config["num_key_value_heads"]
        return w.reshape(n, 2, w.shape[0] // n // 2, -1).swapaxes(1, 2).reshape(w.shape)
    if kind == "gpt2" and w.dim() == 2 and ".h." in name:
        return w.T
    if kind == "bloom" and "query_key_value" in name:
        return w.reshape(heads, 3, w.shape[0] // heads // 3, -1).swapaxes(0, 1).reshape(w.shape)
    return w + 1 if kind.startswith("gemma") and name.endswith("norm.weight") else w


def tensors(folder, name, config):
    """The largest difference of the file's tensors from the checkpoint's; none may be missing or left over."""
    kind = config["model_type"]
    arch = next(a for a, n in gguf.MODEL_ARCH_NAMES.items() if n == ARCHITECTURES.get(kind, kind))
    reader = gguf.GGUFReader(folder / f"{name}.gguf")
    got = {t.name: t.data for t in reader.tensors}
    names = gguf.get_tensor_name_map(arch, 10)
    worst, count = 0, len(got)
    for shard in sorted((folder / name).glob("model*.safetensors")):
        for theirs, w in load_file(shard).items():
            if theirs == "lm_head.weight" and config["tie_word_embeddings"]:
                continue
            want = expected(config, theirs, w.float()).numpy()
            known = (names.get_name(n, try_suffixes=(".weight", ".bias")) for n in (theirs, theirs.removeprefix("transformer.")))
            have = got.pop(next(n for n in known if n))
            assert have.shape == want.shape, (name, theirs, have.shape, want.shape)
            worst = max(worst, np.abs(have - want).max())
    assert not got, (name, "left over", list(got))
    return count, worst


class Llama:
    """Just enough of llama.cpp's interface; its parameter structures are told by their default values."""

    def __init__(self, folder):
        os.chdir(folder)
        first = lambda stem: str(sorted(pathlib.Path(folder).glob(stem))[0])
        ctypes.CDLL(first("libggml-base*.so*"), mode=ctypes.RTLD_GLOBAL)
        ggml = ctypes.CDLL(first("libggml.*so*"))
        self.lib = lib = ctypes.CDLL(first("libllama.*so*"))
        hear = ctypes.CFUNCTYPE(None, ctypes.c_int, ctypes.c_char_p, ctypes.c_void_p)
        self.log = []
        self.callback = hear(lambda level, text, user: self.log.append(text.decode(errors="replace")))
        lib.llama_log_set(self.callback, None)
        ggml.ggml_backend_load_all_from_path.argtypes = [ctypes.c_char_p]
        ggml.ggml_backend_load_all_from_path(str(folder).encode())
        lib.llama_backend_init()
        self.raw = raw = type("Raw", (ctypes.Structure,), {"_fields_": [("b", ctypes.c_uint8 * 512)]})
        self.batch = batch = type(
            "Batch",
            (ctypes.Structure,),
            {"_fields_": [("n", ctypes.c_int32)] + [(f, ctypes.c_void_p) for f in ("token", "embd", "pos", "n_seq", "seq", "logits")]},
        )
        for name, result, arguments in (
            ("model_default_params", raw, []),
            ("context_default_params", raw, []),
            ("model_load_from_file", ctypes.c_void_p, [ctypes.c_char_p, raw]),
            ("init_from_model", ctypes.c_void_p, [ctypes.c_void_p, raw]),
            ("decode", ctypes.c_int32, [ctypes.c_void_p, batch]),
            ("batch_get_one", batch, [ctypes.c_void_p, ctypes.c_int32]),
            ("get_logits", ctypes.POINTER(ctypes.c_float), [ctypes.c_void_p]),
            ("n_threads", ctypes.c_int32, [ctypes.c_void_p]),
            ("free", None, [ctypes.c_void_p]),
            ("model_free", None, [ctypes.c_void_p]),
        ):
            f = getattr(lib, "llama_" + name)
            f.restype, f.argtypes = result, arguments

    def logits(self, file, vocabulary):
        """Of the last of each beginning of IDS, one token after the other."""
        model = self.lib.llama_model_load_from_file(str(file).encode(), self.lib.llama_model_default_params())
        assert model, self.log[-9:]
        params = self.lib.llama_context_default_params()
        words = (ctypes.c_int32 * 128).from_buffer(params)
        choices = next(i for i in range(40) if list(words[i : i + 4]) == [-1, -1, -1, -1])
        words[choices + 3] = 0  # flash attention
        # One thread: more of them wait for each other by spinning, which is slow on a busy machine.
        threads = next(i for i in range(3, choices) if list(words[i : i + 2]) == [4, 4])
        words[threads] = words[threads + 1] = 1
        types = next(i for i in range(choices + 4, 60) if list(words[i : i + 2]) == [1, 1])
        words[types] = words[types + 1] = 0  # keys and values in F32
        context = self.lib.llama_init_from_model(model, params)
        assert context, self.log[-9:]
        rows, one = [], (ctypes.c_int32 * 1)()
        for t in IDS:
            one[0] = t
            assert self.lib.llama_decode(context, self.lib.llama_batch_get_one(one, 1)) == 0, self.log[-9:]
            rows.append(np.ctypeslib.as_array(self.lib.llama_get_logits(context), (vocabulary,)).copy())
        assert self.lib.llama_n_threads(context) == 1
        self.lib.llama_free(context)
        self.lib.llama_model_free(model)
        return torch.tensor(np.stack(rows))


if __name__ == "__main__":
    folder = pathlib.Path(sys.argv[1]).resolve()
    llama = Llama(pathlib.Path(sys.argv[2]).resolve())
    for file in sorted(folder.glob("*.gguf")):
        config = json.loads((folder / file.stem / "config.json").read_text())
        count, worst = tensors(folder, file.stem, config)
        ours = load_file(folder / f"{file.stem}.safetensors")["logits"]
        got = llama.logits(file, config["vocab_size"])
        if config["model_type"] == "phi3":  # whose window llama.cpp knows and does not apply
            got, ours = got[: config["sliding_window"]], ours[: config["sliding_window"]]
        far = ((got - ours).abs().max() / ours.abs().max()).item()
        print(f"{file.stem} ({config['model_type']}): {count} tensors, furthest {worst:.1e}; llama.cpp's logits {far:.1e} of the largest", flush=True)

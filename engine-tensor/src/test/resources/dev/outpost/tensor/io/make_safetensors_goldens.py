"""Makes the safetensors goldens beside this script with the reference library.

Run in this folder: python make_safetensors_goldens.py
Made with: safetensors 0.8.0, torch 2.13, huggingface_hub (versions are printed).
"""

import json
import pathlib

import huggingface_hub
import safetensors
import torch
from huggingface_hub import split_torch_state_dict_into_shards
from safetensors.torch import save_file

HERE = pathlib.Path(__file__).parent
PT = {"format": "pt"}


def engine_types():
    """Every type the engine computes with, odd sizes, names that test the order of bytes."""
    g = torch.Generator().manual_seed(7)
    tensors = {
        "w.f32": torch.randn(3, 5, generator=g),
        "w.f16": torch.randn(2, 3, generator=g).half(),
        "w.bf16": torch.randn(4, 1, generator=g).bfloat16(),
        "a.f16": torch.tensor([-0.0, 65504.0, 6e-8, float("inf")]).half(),
        "a.bf16": torch.tensor([-0.0, 1e-40, 3e38, float("-inf")]).bfloat16(),
        "scalar": torch.tensor(2.5),
        "empty": torch.zeros(0, 7),
        "größe": torch.tensor([1.0]),
        # U+FF5E sorts before U+1F600 by code point and after it by UTF-16 unit.
        "zz": torch.tensor([5.0]),
        "z\uff5e": torch.tensor([2.0]),
        "z\U0001f600": torch.tensor([3.0]),
        'quote"back\\slash': torch.tensor([4.0]),
    }
    save_file(tensors, HERE / "engine-types.safetensors", metadata=PT)


def every_type():
    """Types the engine does not compute with must still be readable as bytes."""
    tensors = {
        "bool": torch.tensor([True, False, True]),
        "u8": torch.tensor([0, 255], dtype=torch.uint8),
        "i8": torch.tensor([-128, 127], dtype=torch.int8),
        "i16": torch.tensor([-32768, 32767], dtype=torch.int16),
        "i32": torch.tensor([[-1], [2]], dtype=torch.int32),
        "i64": torch.tensor([1, -2, 3], dtype=torch.int64),
        "f64": torch.tensor([0.1], dtype=torch.float64),
        "c64": torch.tensor([1 + 2j], dtype=torch.complex64),
        "f8": torch.tensor([1.0, -2.0]).to(torch.float8_e4m3fn),
        "f32": torch.tensor([0.5]),
    }
    save_file(tensors, HERE / "every-type.safetensors")


def rounding():
    """One f32 tensor of hard cases, and what PyTorch rounds it to."""
    hard = [0.0, -0.0, 1.0, 1 + 2**-8, 1 + 3 * 2**-8, 1 + 2**-8 + 2**-20, 1 + 2**-11,
            1 + 3 * 2**-11, 65504.0, 65519.99, 65520.0, 3.3895e38, 3.3961e38, 3.4028e38,
            2.0**-14, 2.0**-24, 2.0**-25, 1.0001 * 2.0**-25, 3 * 2.0**-25, 1e-40, 4.6e-41,
            float("inf"), float("-inf"), 0.1, -0.1, 1 / 3]  # fmt: skip
    bits = torch.randint(-(2**31), 2**31, (486,), generator=torch.Generator().manual_seed(11))
    noise = bits.to(torch.int32).view(torch.float32)
    x = torch.cat([torch.tensor(hard), noise.nan_to_num(nan=1.0)])
    save_file({"x": x}, HERE / "rounding-f32.safetensors", metadata=PT)
    save_file({"x": x.bfloat16()}, HERE / "rounding-bf16.safetensors", metadata=PT)
    save_file({"x": x.half()}, HERE / "rounding-f16.safetensors", metadata=PT)


def sharded():
    folder = HERE / "sharded"
    folder.mkdir(exist_ok=True)
    g = torch.Generator().manual_seed(3)
    tensors = {f"layer.{i}.weight": torch.randn(2, 4, generator=g) for i in range(5)}
    split = split_torch_state_dict_into_shards(
        tensors, filename_pattern="model{suffix}.safetensors", max_shard_size=70)
    for name, names in split.filename_to_tensors.items():
        save_file({n: tensors[n] for n in names}, folder / name, metadata=PT)
    index = {"metadata": split.metadata, "weight_map": split.tensor_to_filename}
    text = json.dumps(index, indent=2, sort_keys=True) + "\n"
    (folder / "model.safetensors.index.json").write_text(text)
    (folder / "expected.json").write_text(
        json.dumps({n: t.flatten().tolist() for n, t in tensors.items()}, indent=1) + "\n")


if __name__ == "__main__":
    print(safetensors.__version__, torch.__version__, huggingface_hub.__version__)
    engine_types()
    every_type()
    rounding()
    sharded()

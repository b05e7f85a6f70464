"""Writes the pictures beside this file and what Transformers' Pillow backend makes of them.

    python make_image_goldens.py

pixels.safetensors holds, for each picture and setting, the [3, H, W] that a model would read.
"""

import json
import pathlib

import numpy as np
import PIL
import torch
import transformers
from PIL import Image
from safetensors.torch import save_file
from transformers.models.clip.image_processing_pil_clip import CLIPImageProcessorPil
from transformers.models.vit.image_processing_pil_vit import ViTImageProcessorPil

HERE = pathlib.Path(__file__).resolve().parent


def scene(width, height):
    y, x = np.mgrid[0:height, 0:width] / 11.0
    rgb = np.stack([np.sin(x + 0.3 * y), np.cos(0.7 * x * y / 3), np.sin(1.9 * y - x)], -1)
    noise = np.random.default_rng(3).normal(0, 0.1, rgb.shape)
    return np.clip((rgb + noise + 1) * 127.5, 0, 255).astype(np.uint8)


def pictures():
    rgb = scene(53, 37)
    Image.fromarray(rgb).save(HERE / "rgb.png")
    Image.fromarray(rgb[..., 0]).save(HERE / "grey.png")
    Image.fromarray(rgb).quantize(16).save(HERE / "palette.png")
    Image.fromarray(np.dstack([rgb, rgb[..., 1]])).save(HERE / "alpha.png")
    Image.fromarray(scene(30, 61)).save(HERE / "photo.jpg", quality=92)
    turned = Image.Exif()
    turned[0x0112] = 6
    Image.fromarray(scene(30, 61)).save(HERE / "turned.jpg", quality=92, exif=turned)


PROCESSORS = {
    "vit": ViTImageProcessorPil(size={"height": 24, "width": 24}),
    "clip": CLIPImageProcessorPil(size={"shortest_edge": 20}, crop_size={"height": 20, "width": 20}),
    "larger": ViTImageProcessorPil(size={"height": 43, "width": 58}, resample=1, do_normalize=False),
}

if __name__ == "__main__":
    pictures()
    out = {}
    for name, processor in PROCESSORS.items():
        (HERE / f"{name}.json").write_text(json.dumps(json.loads(processor.to_json_string()), indent=1) + "\n")
        for file in sorted(HERE.glob("*.png")) + sorted(HERE.glob("*.jpg")):
            image = transformers.image_utils.load_image(str(file)).convert("RGB")
            out[f"{name}/{file.name}"] = torch.tensor(np.array(processor(image)["pixel_values"][0])).contiguous()
    save_file(out, HERE / "pixels.safetensors", {"versions": f"transformers {transformers.__version__} pillow {PIL.__version__}"})

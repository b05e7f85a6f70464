"""Writes types.gguf beside this script: one small matrix in every type the engine computes with, the numbers the
reference reads back from each, one tensor of a type it does not compute with, and metadata of every kind.
Made with gguf 0.x and numpy; see general.description in the file for the versions."""
import importlib.metadata, os
import gguf, numpy as np
from gguf import GGMLQuantizationType as Q
here = os.path.dirname(os.path.abspath(__file__))
rng = np.random.default_rng(3)
x = rng.standard_normal((6, 64)).astype(np.float32)
x[1] *= 1e-6
x[2] = 0
x[3, :32] = np.linspace(-8, 7, 32)
x[4, 5] = 100
w = gguf.GGUFWriter(os.path.join(here, "types.gguf"), "llama")
w.add_description("gguf " + importlib.metadata.version("gguf") + ", numpy " + np.__version__)
w.add_uint8("a.u8", 200); w.add_int8("a.i8", -3); w.add_uint16("a.u16", 60000); w.add_int16("a.i16", -300)
w.add_uint32("a.u32", 4000000000); w.add_int32("a.i32", -70000); w.add_uint64("a.u64", 1 << 40); w.add_int64("a.i64", -(1 << 40))
w.add_float32("a.f32", 0.25); w.add_float64("a.f64", 0.1); w.add_bool("a.bool", True); w.add_string("a.text", "Grüße 🚀")
w.add_array("a.texts", ["a", "", "Ġb"]); w.add_array("a.ints", [1, -2, 3]); w.add_array("a.floats", [0.5, -1.0])
for q in (Q.F32, Q.F16, Q.BF16, Q.Q8_0, Q.Q4_0):
    data = x if q == Q.F32 else gguf.quants.quantize(x, q)
    w.add_tensor(q.name, data, raw_dtype=None if q == Q.F32 else q)
    if q != Q.F32:
        w.add_tensor(q.name + ".read", gguf.quants.dequantize(data, q).astype(np.float32).reshape(x.shape))
for q in (Q.Q4_1, Q.Q5_0, Q.Q5_1):
    data = gguf.quants.quantize(x, q)
    w.add_tensor(q.name, data, raw_dtype=q)
    w.add_tensor(q.name + ".read", gguf.quants.dequantize(data, q).astype(np.float32))
# The package does not round to these: any bytes, with finite binary16 numbers where the type has them, are blocks.
for q, fields in ((Q.Q4_K, (0, 2)), (Q.Q5_K, (0, 2)), (Q.Q6_K, (208,))):
    data = rng.integers(0, 256, (6, gguf.GGML_QUANT_SIZES[q][1]), dtype=np.uint8)
    for f in fields:
        data[:, f:f + 2] = (rng.standard_normal((6, 1)) * 0.01).astype(np.float16).view(np.uint8)
    w.add_tensor(q.name, data, raw_dtype=q)
    w.add_tensor(q.name + ".read", gguf.quants.dequantize(data, q).astype(np.float32))
w.add_tensor("Q2_K", rng.integers(0, 256, (1, 84), dtype=np.uint8), raw_dtype=Q.Q2_K)
w.write_header_to_file(); w.write_kv_data_to_file(); w.write_tensors_to_file(); w.close()

package dev.outpost.transformer;

import dev.outpost.tensor.DType;
import dev.outpost.tensor.Tensor;
import dev.outpost.tensor.io.GgufWriter;
import dev.outpost.tensor.weight.HeapWeight;
import dev.outpost.tensor.weight.Weight;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/** Llama models as GGUF files, laid out as llama.cpp's converter does. */
public final class TinyGguf {
  private TinyGguf() {}

  /** Writes a model of halves, without a tokenizer. */
  public static Path write(Path file, TransformerModel model) throws IOException {
    GgufWriter.write(file, metadata(model.spec()), tensors(model));
    return file;
  }

  /** What describes a model of this spec; may be changed. */
  public static Map<String, Object> metadata(Spec s) {
    Map<String, Object> m = new LinkedHashMap<>();
    m.put("general.architecture", "llama");
    m.put("llama.context_length", s.context());
    m.put("llama.embedding_length", s.width());
    m.put("llama.block_count", s.layers());
    m.put("llama.feed_forward_length", s.feedForward().width());
    m.put("llama.attention.head_count", s.attention().heads());
    m.put("llama.attention.head_count_kv", s.attention().kvHeads());
    m.put("llama.attention.key_length", s.attention().headDim());
    m.put("llama.attention.value_length", s.attention().headDim());
    m.put("llama.attention.layer_norm_rms_epsilon", s.norms().eps());
    m.put("llama.rope.dimension_count", s.attention().headDim());
    if (s.positions() instanceof Spec.Positions.Rotary r)
      m.put("llama.rope.freq_base", (float) r.theta());
    return m;
  }

  /** The tensors of a model of halves; may be changed. */
  public static List<GgufWriter.Entry> tensors(TransformerModel model) {
    int headDim = model.spec().attention().headDim();
    List<GgufWriter.Entry> all = new ArrayList<>();
    model.visit((name, p) -> {
      boolean turned = name.endsWith(".attn.q.weight") || name.endsWith(".attn.k.weight");
      Weight w = p.weight();
      all.add(entry(theirs(name), turned ? neighbours(w.toTensor(), headDim) : w));
    });
    return all;
  }

  /** One tensor in F32. */
  public static GgufWriter.Entry entry(String name, Weight weight) {
    return new GgufWriter.Entry(name, weight, DType.F32);
  }

  private static String theirs(String name) {
    return name.replace("embed.token.", "token_embd.")
        .replace("head.weight", "output.weight")
        .replaceAll("^norm\\.", "output_norm.")
        .replace("blocks.", "blk.")
        .replace("norm1", "attn_norm")
        .replace("norm2", "ffn_norm")
        .replace("attn.out", "attn_output")
        .replace("attn.", "attn_")
        .replace("mlp.", "ffn_");
  }

  /** As llama.cpp's converter turns heads of D: a head's halves, reshaped to [D/2, 2] rows. */
  private static Weight neighbours(Tensor halves, int headDim) {
    int cols = halves.cols();
    int half = headDim / 2;
    Tensor out = Tensor.zeros(halves.shape());
    for (int r = 0; r < halves.rows(); r++) {
      int d = r % headDim;
      int to = r - d + (d < half ? 2 * d : 2 * (d - half) + 1);
      System.arraycopy(
          halves.data(), halves.offset() + r * cols, out.data(), out.offset() + to * cols, cols);
    }
    return HeapWeight.of(out);
  }
}

package dev.outpost.transformer.load;

import dev.outpost.tensor.DType;
import dev.outpost.tensor.io.GgufWriter;
import dev.outpost.tensor.kernel.RotaryPairing;
import dev.outpost.transformer.Spec;
import dev.outpost.transformer.TransformerModel;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/** Writes a Llama as a GGUF file that {@link ModelFolder#open} reads, without a tokenizer. */
public final class GgufModelWriter {
  private GgufModelWriter() {}

  /**
   * Replaces {@code file}.
   *
   * @param model a whole Llama whose rows turn as neighbours, as the format has them
   * @param matrices type of all matrices; vectors stay F32
   * @throws IllegalArgumentException for another model, or numbers or rows the type cannot hold
   */
  public static void write(Path file, TransformerModel model, DType matrices) throws IOException {
    Spec s = model.spec();
    if (!(s.family().equals("llama")
        && s.positions() instanceof Spec.Positions.Rotary r
        && r.pairing() == RotaryPairing.NEIGHBOURS))
      throw new IllegalArgumentException(
          "gguf: only a llama whose rows turn as neighbours can be written, got " + s);
    List<GgufWriter.Entry> tensors = new ArrayList<>();
    model.visit((name, p) ->
        tensors.add(
            new GgufWriter.Entry(
                GgufModel.NAMES.theirs(name),
                p.weight(),
                p.shape().rank() == 1 ? DType.F32 : matrices)));
    GgufWriter.write(file, metadata(s, r), tensors);
  }

  private static Map<String, Object> metadata(Spec s, Spec.Positions.Rotary rotary) {
    Spec.Attention a = s.attention();
    Map<String, Object> m = new LinkedHashMap<>();
    m.put("general.architecture", "llama");
    m.put("llama.context_length", s.context());
    m.put("llama.embedding_length", s.width());
    m.put("llama.block_count", s.layers());
    m.put("llama.feed_forward_length", s.feedForward().width());
    m.put("llama.attention.head_count", a.heads());
    m.put("llama.attention.head_count_kv", a.kvHeads());
    m.put("llama.attention.key_length", a.headDim());
    m.put("llama.attention.value_length", a.headDim());
    m.put("llama.attention.layer_norm_rms_epsilon", s.norms().eps());
    m.put("llama.rope.dimension_count", a.headDim());
    m.put("llama.rope.freq_base", (float) rotary.theta());
    return m;
  }
}

package dev.outpost.transformer.load;

import dev.outpost.tensor.Shape;
import dev.outpost.tensor.Tensor;
import dev.outpost.tensor.io.Checkpoint;
import dev.outpost.tensor.io.FormatException;
import dev.outpost.tensor.io.JsonObject;
import dev.outpost.tensor.kernel.AttentionScores;
import dev.outpost.tensor.kernel.RotaryPairing;
import dev.outpost.tensor.weight.HeapWeight;
import dev.outpost.tensor.weight.Weight;
import dev.outpost.transformer.Slot;
import dev.outpost.transformer.Spec;
import dev.outpost.transformer.TransformerBlock;
import dev.outpost.transformer.TransformerModel;
import dev.outpost.transformer.layer.QueryKeyValue;
import dev.outpost.transformer.layer.RotaryTable;
import dev.outpost.transformer.layer.SelfAttention;
import dev.outpost.transformer.module.Parameter;
import dev.outpost.transformer.peft.Attach;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;

/**
 * Prefixes as the {@code peft} package keeps them: one matrix [P, 2·blocks·Hkv·D], of each block
 * its keys, then its values.
 *
 * <p>peft lets a prefix of P keys take the first P positions, here it stands at none. Where
 * positions only turn queries and keys, both are one function of other numbers: a query at position
 * P + t meets the key {@code R(P)·k} as one at position t meets k. Other models are refused.
 */
final class PeftPrefix {
  private PeftPrefix() {}

  /** The model with the prefix that a folder holds, frozen. */
  static TransformerModel read(Path file, TransformerModel model) throws IOException {
    try (Checkpoint c = Checkpoint.ofFile(file)) {
      if (!c.names().equals(Set.of(PeftVectors.PROMPT)))
        throw new FormatException(
            file + ": holds " + c.names() + ", expected " + PeftVectors.PROMPT);
      HeapWeight all = PeftFolder.finite(file, PeftVectors.PROMPT, c.weight(PeftVectors.PROMPT));
      requireTurning(model);
      if (Attach.carried(model).isPresent())
        throw new IllegalArgumentException("prefix: the model already carries an adapter");
      Shape shape = all.shape();
      int wide = width(model);
      long expected = 2L * wide * model.slots().size();
      if (shape.rank() != 2 || shape.dim(0) < 1 || shape.dim(1) != expected)
        throw new IllegalArgumentException(
            "prefix: " + shape + " does not fit this model, expected [tokens, " + expected + "]");
      List<Slot> slots = new ArrayList<>();
      for (Slot s : model.slots()) {
        int at = 2 * slots.size() * wide;
        TransformerBlock b = block(s);
        SelfAttention a = b.attention();
        Tensor keys = columns(all.tensor(), at, wide);
        turn(keys, a, -1);
        Tensor values = columns(all.tensor(), at + wide, wide);
        slots.add(
            s.with(
                b.with(
                    a.with(
                        new QueryKeyValue.Prefixed(
                            a.inputs(),
                            Parameter.frozen(HeapWeight.of(keys)),
                            Parameter.frozen(HeapWeight.of(values)))))));
      }
      return model.withSlots(slots);
    }
  }

  /**
   * The matrix of a model whose every block carries a prefix.
   *
   * @param config takes the fields that say its shape
   */
  static Weight write(TransformerModel model, JsonObject config) {
    requireTurning(model);
    int wide = width(model);
    int blocks = model.slots().size();
    int tokens = prefix(model.slots().getFirst()).keys().shape().rows();
    Tensor all = Tensor.zeros(tokens, 2 * blocks * wide);
    for (int i = 0; i < blocks; i++) {
      QueryKeyValue.Prefixed p = prefix(model.slots().get(i));
      if (p.keys().shape().rows() != tokens)
        throw new IllegalArgumentException("prefix: peft's prefixes are of one length");
      Tensor keys = Tensor.of(p.keys().shape(), p.keys().weight().toTensor().toArray());
      turn(keys, block(model.slots().get(i)).attention(), 1);
      put(keys, all, 2 * i * wide);
      put(p.values().weight().toTensor(), all, (2 * i + 1) * wide);
    }
    config
        .put("peft_type", "PREFIX_TUNING")
        .put("num_virtual_tokens", tokens)
        .put("token_dim", wide)
        .put("num_attention_heads", model.spec().attention().kvHeads())
        .put("num_layers", blocks)
        .put("num_transformer_submodules", 1)
        .put("prefix_projection", false);
    return HeapWeight.of(all);
  }

  private static int width(TransformerModel model) {
    return model.spec().attention().keyWidth();
  }

  private static TransformerBlock block(Slot s) {
    if (s.block() instanceof TransformerBlock b) return b;
    throw new IllegalArgumentException("prefix: " + s.name() + " has no attention");
  }

  private static QueryKeyValue.Prefixed prefix(Slot s) {
    if (block(s).attention().inputs() instanceof QueryKeyValue.Prefixed p) return p;
    throw new IllegalArgumentException(
        "prefix: " + s.name() + " carries none; peft's prefixes are of every block");
  }

  /** Refuses models in which a prefix at the first positions is more than other numbers. */
  private static void requireTurning(TransformerModel model) {
    boolean turned = model.spec().positions() instanceof Spec.Positions.Rotary;
    for (Slot s : model.slots()) {
      AttentionScores scores = block(s).attention().scores();
      if (!turned
          || scores.window() > 0
          || scores.slopes() != null
          || model.spec().turnsAnew(1, model.spec().context()))
        throw new IllegalArgumentException(
            "prefix: peft lets a prefix take the first positions of the text, which is the same as"
                + " none only where positions turn queries and keys and every query sees all; the"
                + " positions of a "
                + model.spec().family()
                + " do more. Tune with peft's prompt or LoRA instead");
    }
  }

  /** Each key of [P, Hkv·D] by P positions, forth or back. */
  private static void turn(Tensor keys, SelfAttention a, int direction) {
    RotaryTable table = a.rotary();
    if (table == null) return;
    if (table.pairing() != RotaryPairing.HALVES)
      throw new IllegalArgumentException("prefix: this model's file has its rows in another order");
    int tokens = keys.rows();
    int pairs = table.pairs();
    Tensor angles = table.angles(tokens + 1);
    for (int i = 0; i < pairs; i++) {
      double c = angles.get(tokens * 2 * pairs + i);
      double s = angles.get(tokens * 2 * pairs + pairs + i);
      // Some models lengthen what they turn; a prefix is not turned by the model, nor lengthened.
      double cos = c / Math.hypot(c, s);
      double sin = direction * s / Math.hypot(c, s);
      for (int head = 0; head < tokens * a.kvHeads(); head++) {
        int at = head * a.headDim() + i;
        double x = keys.get(at);
        double y = keys.get(at + pairs);
        keys.data()[keys.offset() + at] = (float) (x * cos - y * sin);
        keys.data()[keys.offset() + at + pairs] = (float) (y * cos + x * sin);
      }
    }
  }

  private static Tensor columns(Tensor all, int from, int n) {
    Tensor t = Tensor.zeros(all.rows(), n);
    for (int r = 0; r < t.rows(); r++)
      for (int c = 0; c < n; c++) t.data()[r * n + c] = all.get(r * all.cols() + from + c);
    return t;
  }

  private static void put(Tensor part, Tensor all, int from) {
    int n = part.cols();
    for (int r = 0; r < part.rows(); r++)
      for (int c = 0; c < n; c++) all.data()[r * all.cols() + from + c] = part.get(r * n + c);
  }
}

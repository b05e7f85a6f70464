package dev.outpost.offsite.emulator;

import dev.outpost.tensor.kernel.Kernels;
import dev.outpost.transformer.Block;
import dev.outpost.transformer.Slot;
import dev.outpost.transformer.TransformerBlock;
import dev.outpost.transformer.TransformerModel;
import dev.outpost.transformer.layer.Dense;
import dev.outpost.transformer.layer.FeedForward;
import dev.outpost.transformer.layer.LowRank;
import dev.outpost.transformer.layer.QueryKeyValue;
import dev.outpost.transformer.layer.SelfAttention;
import dev.outpost.transformer.module.Projection;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

/**
 * An emulator stored as its full model is, so that tensors can be held against each other by name:
 * factors multiplied out, queries, keys and values (or gate and up) that were parted side by side
 * again. What cannot be brought into the full model's form stays as it is.
 */
public final class Rejoined {
  private final Kernels kernels;

  private Rejoined(Kernels kernels) {
    this.kernels = kernels;
  }

  /** What is changed lies on the heap in f32, the rest where it was. */
  public static TransformerModel of(
      TransformerModel full, TransformerModel emulated, Kernels kernels) {
    Map<String, Block> originals = new HashMap<>();
    for (Slot s : full.slots()) originals.put(s.name(), s.block());
    Rejoined work = new Rejoined(kernels);
    return emulated.withSlots(
        emulated.slots().stream()
            .map(s ->
                originals.get(s.name()) instanceof TransformerBlock f
                        && s.block() instanceof TransformerBlock e
                    ? new Slot(s.name(), work.block(f, e))
                    : s)
            .toList());
  }

  private TransformerBlock block(TransformerBlock full, TransformerBlock e) {
    SelfAttention a = e.attention();
    SelfAttention attention =
        new SelfAttention(
            inputs(full.attention(), a.inputs()),
            projection(full.attention().out(), a.out()),
            a.heads(),
            a.kvHeads(),
            a.headDim(),
            a.scores(),
            a.rotary());
    return new TransformerBlock(e.norm1(), attention, e.norm2(), mlp(full.mlp(), e.mlp()));
  }

  private QueryKeyValue inputs(SelfAttention full, QueryKeyValue e) {
    if (full.inputs() instanceof QueryKeyValue.Fused f && f.qkv() instanceof Dense)
      return e instanceof QueryKeyValue.Separate s ? fused(full, f, s) : e;
    if (full.inputs() instanceof QueryKeyValue.Separate f && e instanceof QueryKeyValue.Separate s)
      return new QueryKeyValue.Separate(
          projection(f.q(), s.q()), projection(f.k(), s.k()), projection(f.v(), s.v()), s.norms());
    return e;
  }

  private QueryKeyValue fused(SelfAttention full, QueryKeyValue.Fused f, QueryKeyValue.Separate s) {
    Parts parts = Parts.of("attn.qkv", f, full);
    List<Projection> each = List.of(s.q(), s.k(), s.v());
    if (!parts.fits(each) || !each.stream().allMatch(Rejoined::isMatrix)) return s;
    Dense all = parts.joined(each.stream().map(this::dense).toList());
    return f.biases() == null
        ? new QueryKeyValue.Fused(all, f.interleaved())
        : new QueryKeyValue.Fused(
            new Dense(all.weight(), null, all.layout()), f.interleaved(), f.biases());
  }

  private FeedForward mlp(FeedForward full, FeedForward e) {
    Projection down = projection(full.down(), e.down());
    Projection gate = e.gate();
    if (full.paired() && full.up() instanceof Dense && gate != null) {
      Parts parts = Parts.halves("mlp.gate_up", full.up());
      List<Projection> each = List.of(gate, e.up());
      return parts.fits(each) && each.stream().allMatch(Rejoined::isMatrix)
          ? new FeedForward(
              null,
              parts.joined(each.stream().map(this::dense).toList()),
              true,
              e.activation(),
              down)
          : e;
    }
    Projection was = full.gate();
    return new FeedForward(
        gate == null || was == null ? gate : projection(was, gate),
        projection(full.up(), e.up()),
        e.paired(),
        e.activation(),
        down);
  }

  private Projection projection(Projection full, Projection e) {
    return full instanceof Dense d && e instanceof LowRank l
        ? Parts.like(d, Parts.outIn(l.dense(kernels)), l.bias())
        : e;
  }

  private static boolean isMatrix(Projection p) {
    return p instanceof Dense || p instanceof LowRank;
  }

  private Dense dense(Projection p) {
    return switch (p) {
      case Dense d -> d;
      case LowRank l -> l.dense(kernels);
      default -> throw new IllegalStateException("rejoined: " + p + " is no matrix");
    };
  }
}

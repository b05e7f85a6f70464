package dev.outpost.offsite.emulator;

import dev.outpost.tensor.weight.Weight;
import dev.outpost.transformer.Block;
import dev.outpost.transformer.Slot;
import dev.outpost.transformer.module.Parameter;
import dev.outpost.transformer.module.Rewriter;
import java.util.ArrayList;
import java.util.IdentityHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.function.BiFunction;
import java.util.function.UnaryOperator;

/** Which matrices of the middle's blocks a step works on: setting {@code targets}. */
public enum Targets {
  /** Attention's: queries, keys, values, output. */
  ATTN,
  /** The feed-forward part's. */
  MLP,
  /** All, a harmonizer's included. */
  ALL;

  static Targets read(StepSettings s, Targets otherwise) {
    String word = s.choice("targets", otherwise.word(), "attn", "mlp", "all");
    return valueOf(word.toUpperCase(Locale.ROOT));
  }

  /** As settings call it. */
  String word() {
    return name().toLowerCase(Locale.ROOT);
  }

  /** Whether a parameter or projection of a block is meant, by its path. */
  boolean has(String path) {
    return switch (this) {
      case ATTN -> path.contains(".attn.");
      case MLP -> path.contains(".mlp.");
      case ALL -> true;
    };
  }

  /**
   * Every block changed once, also where several slots share it.
   *
   * @param change from the slot's name and its block
   */
  static List<Slot> each(List<Slot> middle, BiFunction<String, Block, Block> change) {
    Map<Block, Block> done = new IdentityHashMap<>();
    List<Slot> changed = new ArrayList<>();
    for (Slot s : middle)
      changed.add(s.with(done.computeIfAbsent(s.block(), b -> change.apply(s.name(), b))));
    return changed;
  }

  /** Every matrix that is meant, changed; they are frozen. */
  List<Slot> weights(List<Slot> middle, UnaryOperator<Weight> change) {
    Map<Weight, Weight> done = new IdentityHashMap<>();
    Rewriter rewriter =
        new Rewriter() {
          @Override
          public Parameter parameter(String path, Parameter p) {
            return p.shape().rank() < 2 || !has(path)
                ? p
                : Parameter.frozen(done.computeIfAbsent(p.weight(), change));
          }
        };
    return each(middle, (slot, block) -> block.rewrite(slot, rewriter));
  }
}

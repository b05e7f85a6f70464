package dev.outpost.transformer;

import java.util.List;

/**
 * How rotary frequencies are stretched, so that a model reads longer texts than it was first
 * trained on. Each is what Transformers calls a {@code rope_type}.
 */
public sealed interface RotaryScaling {
  /** {@code default}: not at all. */
  record None() implements RotaryScaling {}

  /**
   * {@code linear}: every frequency divided (Chen et al. 2023).
   *
   * @param factor by how much
   */
  record Linear(double factor) implements RotaryScaling {
    public Linear {
      positive("factor", factor);
    }
  }

  /**
   * {@code llama3}: slow frequencies divided, fast ones kept, those between blended (Llama 3.1).
   *
   * @param factor by how much slow ones are divided
   * @param low wavelengths above {@code original / low} are slow
   * @param high wavelengths below {@code original / high} are fast
   * @param original context of the first training
   */
  record Llama3(double factor, double low, double high, int original) implements RotaryScaling {
    public Llama3 {
      positive("factor", factor);
      positive("low_freq_factor", low);
      positive("original_max_position_embeddings", original);
      if (!(high > low))
        throw new IllegalArgumentException(
            "rotary scaling: high_freq_factor must exceed low_freq_factor "
                + low
                + ", got "
                + high);
    }
  }

  /**
   * {@code yarn}: as {@code llama3} with a ramp over the pairs, and longer vectors (Peng et al.
   * 2023).
   *
   * @param factor by how much slow ones are divided
   * @param fast turns over the original context above which a pair is fast
   * @param slow turns below which it is slow
   * @param truncate whether the ramp's ends are whole pairs
   * @param length factor on turned queries and keys
   * @param original context of the first training
   */
  record Yarn(
      double factor, double fast, double slow, boolean truncate, double length, int original)
      implements RotaryScaling {
    public Yarn {
      positive("factor", factor);
      positive("beta_fast", fast);
      positive("beta_slow", slow);
      positive("attention_factor", length);
      positive("original_max_position_embeddings", original);
    }

    /** The length that goes with a factor (Peng et al. 2023, eq. 22). */
    public static double length(double factor) {
      return factor <= 1 ? 1 : 0.1 * Math.log(factor) + 1;
    }
  }

  /**
   * {@code dynamic}: a base that grows with the text beyond {@code max_position_embeddings}, where
   * a sequence ends here; up to there it changes nothing.
   *
   * @param factor by how much positions beyond would be divided
   */
  record Dynamic(double factor) implements RotaryScaling {
    public Dynamic {
      positive("factor", factor);
    }
  }

  /**
   * {@code longrope}: each frequency divided by its own factor, another one where the text is
   * longer than the first training's, and longer vectors (Ding et al. 2024).
   *
   * @param near factors of the pairs up to {@code original} positions
   * @param far factors of a text that is longer, at all its positions
   * @param length factor on turned queries and keys
   * @param original context of the first training
   */
  record LongRope(List<Double> near, List<Double> far, double length, int original)
      implements RotaryScaling {
    public LongRope {
      near = List.copyOf(near);
      far = List.copyOf(far);
      near.forEach(f -> positive("short_factor", f));
      far.forEach(f -> positive("long_factor", f));
      if (near.size() != far.size())
        throw new IllegalArgumentException(
            "rotary scaling: short_factor and long_factor must have as many numbers");
      positive("attention_factor", length);
      positive("original_max_position_embeddings", original);
    }

    /** The length that goes with a factor (Ding et al. 2024). */
    public static double length(double factor, int original) {
      return factor <= 1 ? 1 : Math.sqrt(1 + Math.log(factor) / Math.log(original));
    }
  }

  /**
   * Whether positions turn otherwise in a text of {@code after} tokens than in its first {@code
   * before}: what was computed of these then holds no more.
   */
  default boolean turnsAnew(int before, int after) {
    return this instanceof LongRope l && (before > l.original) != (after > l.original);
  }

  private static void positive(String field, double value) {
    if (!(value > 0) || Double.isInfinite(value))
      throw new IllegalArgumentException(
          "rotary scaling: " + field + " must be positive, got " + value);
  }
}

package dev.outpost.transformer;

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

  private static void positive(String field, double value) {
    if (!(value > 0) || Double.isInfinite(value))
      throw new IllegalArgumentException(
          "rotary scaling: " + field + " must be positive, got " + value);
  }
}

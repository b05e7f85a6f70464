package dev.outpost.autograd.optim;

/**
 * How the learning rate changes over training, as a factor on the base rate. The formulas are those
 * of the {@code get_*_schedule_with_warmup} functions of Hugging Face Transformers: during warm-up,
 * {@code step/warmup}.
 */
public sealed interface Schedule {
  /** The factor for step {@code step}, counted from 0. */
  float at(int step);

  /**
   * 1 after the warm-up.
   *
   * @param warmup steps
   */
  record Constant(int warmup) implements Schedule {
    public Constant {
      check(warmup, warmup);
    }

    @Override
    public float at(int step) {
      return step < warmup ? (float) step / warmup : 1;
    }
  }

  /**
   * Falls in a straight line from 1 after the warm-up to 0 at {@code total}.
   *
   * @param warmup steps
   * @param total steps, the warm-up included
   */
  record Linear(int warmup, int total) implements Schedule {
    public Linear {
      check(warmup, total);
    }

    @Override
    public float at(int step) {
      if (step < warmup) return (float) step / warmup;
      return (float) Math.max(0, (double) (total - step) / Math.max(1, total - warmup));
    }
  }

  /**
   * Falls along half a cosine from 1 after the warm-up to 0 at {@code total}, and stays there.
   *
   * @param warmup steps
   * @param total steps, the warm-up included
   */
  record Cosine(int warmup, int total) implements Schedule {
    public Cosine {
      check(warmup, total);
    }

    @Override
    public float at(int step) {
      if (step < warmup) return (float) step / warmup;
      // The original would climb again after total; a resumed run that is longer must not.
      double progress = Math.min(1, (double) (step - warmup) / Math.max(1, total - warmup));
      return (float) Math.max(0, 0.5 * (1 + StrictMath.cos(Math.PI * progress)));
    }
  }

  private static void check(int warmup, int total) {
    if (warmup < 0 || total < warmup)
      throw new IllegalArgumentException(
          "schedule: 0 <= warm-up <= total steps must hold, got " + warmup + " and " + total);
  }
}

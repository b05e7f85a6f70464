package dev.outpost.transformer.eval;

import dev.outpost.tensor.io.FormatException;
import java.util.List;

/**
 * Solved examples before a question, drawn anew for each one as lm-eval draws them, so that the
 * same seed shows the same examples.
 */
final class Shots {
  /** Ends an example. */
  static final String DELIMITER = "\n\n";

  private final List<String> pool;
  private final int count;
  private final boolean own;
  private final PythonRandom random;

  private Shots(List<String> pool, int count, boolean own, PythonRandom random) {
    this.pool = pool;
    this.count = count;
    this.own = own;
    this.random = random;
  }

  static Shots none() {
    return new Shots(List.of(), 0, false, new PythonRandom(0));
  }

  /**
   * @param own whether the question itself is in the pool, at its own place, and must not be shown
   */
  static Shots of(List<String> pool, int count, boolean own, long seed) throws FormatException {
    int need = own ? count + 1 : count;
    if (pool.size() < need)
      throw new FormatException(
          "shots: "
              + count
              + " examples cannot be drawn from "
              + pool.size()
              + " documents; give fewer, or another file to draw from");
    return new Shots(pool, count, own, new PythonRandom(seed));
  }

  /** The text before question {@code i}; questions must be asked in order. */
  String before(int i) {
    if (count == 0) return "";
    StringBuilder out = new StringBuilder();
    int shown = 0;
    for (int j : random.sample(pool.size(), own ? count + 1 : count)) {
      if (shown == count || (own && j == i)) continue;
      out.append(pool.get(j));
      shown++;
    }
    return out.toString();
  }
}

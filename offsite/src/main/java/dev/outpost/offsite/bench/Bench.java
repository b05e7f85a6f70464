package dev.outpost.offsite.bench;

import dev.outpost.tensor.kernel.Kernels;
import dev.outpost.tensor.kernel.Machine;
import java.io.IOException;

/** One thing to measure. Memory is taken when {@link #measure} is called, and let go after it. */
public interface Bench {
  /** Kinds of measurement, as the command line names them. */
  enum Kind {
    /** One operation beside the limit of the machine that binds it. */
    KERNELS,
    /** Whole training steps. */
    STEP,
    /** Reading a prompt, and generating. */
    DECODE,
    /** The efficiency table of Offsite-Tuning (Xiao et al. 2023, Table 6). */
    PAPER;

    /** As typed and as written in results. */
    public String word() {
      return name().toLowerCase(java.util.Locale.ROOT);
    }
  }

  /** What it belongs to. */
  Kind kind();

  /** Unique among its kind. */
  String name();

  /**
   * Measures on the kernels' threads.
   *
   * @param rounds timed, after a warm-up; at least 1
   */
  Row measure(Kernels kernels, Machine machine, int rounds) throws IOException;
}

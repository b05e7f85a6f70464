package dev.outpost.offsite.bench;

import dev.outpost.tensor.DType;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;

/** What there is to measure, in the order in which results are read. */
public final class Suite {
  private static final List<StepMode> MODES =
      List.of(StepMode.full(), StepMode.firstAndLast(), StepMode.emulator(4), StepMode.onlyLora());

  private Suite() {}

  /** Every kernel, on the shapes of GPT-2 124M. */
  public static List<Bench> kernels() {
    List<Bench> all = new ArrayList<>(Gemms.all());
    all.addAll(RowKernels.all());
    return all;
  }

  /** Training steps of 4 × 128 and 2 × 512 tokens, of the modes that the model has blocks for. */
  public static List<Bench> steps(Subject subject) {
    List<Bench> all = new ArrayList<>();
    int context = subject.spec().context();
    for (StepMode mode : MODES) {
      if (!mode.fits(subject.spec().layers())) continue;
      all.add(new StepBench(Bench.Kind.STEP, subject, mode, 4, Math.min(128, context)));
      if (context > 128)
        all.add(new StepBench(Bench.Kind.STEP, subject, mode, 2, Math.min(512, context)));
    }
    return all;
  }

  /**
   * Full fine-tuning, LoRA, offsite-tuning and both together, one sequence of 512 tokens at a time,
   * as Table 6 of Xiao et al. (2023): GPT-2 Medium with the 2-8-2 of the paper's other 24-block
   * model; GPT2-XL with 2-16-2, whose full fine-tuning needs 25 GB of numbers and is left out; and
   * XL's depth at Medium's width, where everything fits.
   */
  public static List<Bench> paper() {
    List<Bench> all = new ArrayList<>();
    all.addAll(paper(Subject.gpt2("gpt2-medium", 24, 1024, 16), 8, true));
    all.addAll(paper(Subject.gpt2("gpt2-48x1024", 48, 1024, 16), 16, true));
    all.addAll(paper(Subject.gpt2("gpt2-xl", 48, 1600, 25), 16, false));
    return all;
  }

  private static List<Bench> paper(Subject subject, int middle, boolean full) {
    List<StepMode> modes = new ArrayList<>();
    if (full) modes.add(StepMode.full());
    modes.add(StepMode.onlyLora());
    modes.add(StepMode.emulator(middle));
    modes.add(StepMode.emulatorLora(middle));
    List<Bench> rows = new ArrayList<>();
    for (StepMode mode : modes) rows.add(new StepBench(Bench.Kind.PAPER, subject, mode, 1, 512));
    return rows;
  }

  /**
   * Reading and generating per weight type: with GPT-2 124M's dimensions, and with SmolLM-135M's
   * from a GGUF file.
   */
  public static List<Bench> decode() {
    List<Bench> all = new ArrayList<>();
    for (DType stored : List.of(DType.F32, DType.F16, DType.BF16))
      all.addAll(decode(Subject.gpt2(stored), word(stored)));
    for (DType stored : List.of(DType.F32, DType.BF16, DType.Q8_0, DType.Q4_0))
      all.addAll(decode(Subject.smollm(stored), "smollm-" + word(stored)));
    return all;
  }

  private static String word(DType type) {
    return type.name().toLowerCase(Locale.ROOT);
  }

  /**
   * Reading and generating with one model.
   *
   * @param weights what to call its weights in names
   */
  public static List<Bench> decode(Subject subject, String weights) {
    // One position is left for a token to follow.
    int room = subject.spec().context() - 1;
    return List.of(
        new DecodeBench(subject, true, weights, Math.clamp(512, 1, room)),
        new DecodeBench(subject, false, weights, Math.clamp(64, 1, room - 1)));
  }
}

package dev.outpost.offsite.bench;

import dev.outpost.tensor.kernel.Kernels;
import dev.outpost.tensor.kernel.Machine;
import dev.outpost.tensor.weight.MappedWeight;
import dev.outpost.transformer.TransformerModel;
import dev.outpost.transformer.train.Blocks;
import dev.outpost.transformer.train.Objective;
import dev.outpost.transformer.train.Progress;
import dev.outpost.transformer.train.Trainer;
import dev.outpost.transformer.train.TrainingPlan;
import java.io.IOException;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.OptionalDouble;

/**
 * Whole training steps as {@link Trainer} runs them: forward, loss, backward, gradient norm, AdamW.
 *
 * @param kind {@link Bench.Kind#STEP}, or {@link Bench.Kind#PAPER} for a row of its table
 * @param batch sequences per step
 * @param time tokens per sequence
 */
public record StepBench(Kind kind, Subject subject, StepMode mode, int batch, int time)
    implements Bench {
  private static final int WARM = 3;

  @Override
  public String name() {
    return (kind == Kind.PAPER ? subject.name() + "-" : "")
        + mode.word()
        + "-"
        + batch
        + "x"
        + time;
  }

  @Override
  public Row measure(Kernels kernels, Machine machine, int rounds) throws IOException {
    machine.release();
    ProcessMemory.resetPeak();
    List<String> all = subject.slots();
    try (Subject.Open open = subject.open(mode.slots(all), mode.trainable(all))) {
      return measure(mode.attach(open.model(), all), kernels, rounds);
    }
  }

  private Row measure(TransformerModel model, Kernels kernels, int rounds) {
    int[] tokens = Noise.tokens(4 * batch * time, model.spec().vocabularySize(), 7);
    TrainingPlan plan = TrainingPlan.of(WARM + rounds, batch, 1e-4f, 42);
    Trainer trainer =
        new Trainer(model, Objective.languageModel(), Blocks.of(tokens, time), null, plan, kernels);
    Laps laps = new Laps(WARM + rounds);
    trainer.run(laps);
    double[] rates = new double[rounds];
    long[] allocated = new long[rounds];
    for (int r = 0; r < rounds; r++) {
      rates[r] = batch * time * 1e9 / (laps.nanos[WARM + r] - laps.nanos[WARM + r - 1]);
      allocated[r] = laps.allocated[WARM + r] - laps.allocated[WARM + r - 1];
    }
    Arrays.sort(allocated);
    Spread rate = Spread.of(rates);
    Map<String, Object> fields = new LinkedHashMap<>();
    fields.put("model", subject.name());
    fields.put("mode", mode.word());
    fields.put("tokens_per_second", rate.median());
    fields.put("step_ms", batch * time * 1e3 / rate.median());
    memory(fields, model, trainer);
    fields.put("allocated_bytes_per_step", allocated[rounds / 2]);
    return new Row(
        kind(),
        name(),
        batch + "x" + time,
        kernels.team().threads(),
        "tokens/s",
        rate,
        OptionalDouble.empty(),
        fields);
  }

  /**
   * Live bytes by owner: the model's numbers, two moments, and the step's workspace, which holds
   * the gradients among the activations.
   */
  private static void memory(Map<String, Object> fields, TransformerModel model, Trainer trainer) {
    long parameters =
        model.parameters().values().stream()
            .mapToLong(p ->
                p.weight() instanceof MappedWeight m
                    ? m.segment().byteSize()
                    : 4L * p.shape().size())
            .sum();
    long trainable = 4 * model.count(true);
    long workspace = trainer.workspaceMeter().peakBytes();
    fields.put("peak_bytes", parameters + 2 * trainable + workspace);
    fields.put("parameter_bytes", parameters);
    fields.put("optimizer_bytes", 2 * trainable);
    fields.put("workspace_peak_bytes", workspace);
    ProcessMemory.peakResidentBytes().ifPresent(b -> fields.put("peak_rss_bytes", b));
  }

  /** The clock and the heap's count after each step; takes nothing itself. */
  private static final class Laps implements Progress {
    final long[] nanos;
    final long[] allocated;

    Laps(int steps) {
      nanos = new long[steps];
      allocated = new long[steps];
    }

    @Override
    public void step(Step step) {
      allocated[step.step() - 1] = ProcessMemory.allocatedBytes();
      nanos[step.step() - 1] = System.nanoTime();
    }
  }
}

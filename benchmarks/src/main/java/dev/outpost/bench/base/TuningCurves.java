package dev.outpost.bench.base;

import dev.outpost.autograd.optim.Schedule;
import dev.outpost.offsite.artifact.BaseFingerprint;
import dev.outpost.offsite.emulator.LayerDrop;
import dev.outpost.offsite.split.Split;
import dev.outpost.tensor.io.JsonObject;
import dev.outpost.tensor.kernel.Kernels;
import dev.outpost.tensor.kernel.Team;
import dev.outpost.tensor.memory.Workspace;
import dev.outpost.transformer.Slot;
import dev.outpost.transformer.TransformerModel;
import dev.outpost.transformer.load.ModelFolder;
import dev.outpost.transformer.run.Perplexity;
import dev.outpost.transformer.text.Tokenizer;
import dev.outpost.transformer.text.TokenizerFiles;
import dev.outpost.transformer.train.Batch;
import dev.outpost.transformer.train.Blocks;
import dev.outpost.transformer.train.Examples;
import dev.outpost.transformer.train.Objective;
import dev.outpost.transformer.train.Progress;
import dev.outpost.transformer.train.Trainer;
import dev.outpost.transformer.train.TrainingPlan;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.function.Function;
import java.util.stream.Collectors;

/**
 * Loss of the plugged-in model while its adapter is tuned through ever thinner emulators, which is
 * what the federation's model of progress is calibrated by: for each number of middle blocks that
 * the uniform layer drop keeps, the held-back loss of [A', E] and of [A', E*] after so many steps;
 * with 0 kept stands for tuning every block of the full model.
 *
 * <p>{@code TuningCurves MODEL TEXT BOTTOM TOP STEPS BATCH RATE KEPT SEEDS OUT.jsonl}: KEPT and
 * SEEDS are lists with commas; {@code 8>2} goes on through 2 after as many steps through 8, which
 * shows what a worse emulator undoes. AdamW at a constant rate, blocks of 128 tokens, a tenth of
 * TEXT's documents held back, 96 rows of them measured. One thread; one JSON line per curve is
 * appended.
 */
public final class TuningCurves {
  private static final int HELD = 1000;
  private static final int BLOCK = 128;
  private static final int MEASURED = 96;

  private TuningCurves() {}

  /** Some rows, evenly spread over all. */
  private record Some(Blocks all, int count) implements Examples {
    @Override
    public Batch batch(int[] which) {
      return all.batch(
          Arrays.stream(which).map(i -> (int) ((long) i * all.count() / count)).toArray());
    }

    @Override
    public String extent() {
      return count + " of " + all.extent();
    }

    @Override
    public String sha256() {
      return all.sha256();
    }
  }

  /** See the class for the arguments. */
  public static void main(String[] args) throws IOException {
    int steps = Integer.parseInt(args[4]);
    int batch = Integer.parseInt(args[5]);
    float rate = Float.parseFloat(args[6]);
    try (Team team = Team.of(1);
        ModelFolder folder = ModelFolder.open(Path.of(args[0]))) {
      TransformerModel full = folder.model();
      Kernels kernels = Kernels.best(team);
      Tokenizer tokenizer = TokenizerFiles.load(Path.of(args[0]));
      Blocks text = RetainedLayers.blocks(Path.of(args[1]), tokenizer, BLOCK, HELD, false);
      Blocks rest = RetainedLayers.blocks(Path.of(args[1]), tokenizer, BLOCK, HELD, true);
      Examples held = new Some(rest, Math.min(MEASURED, rest.count()));
      Split split = Split.sandwich(full, Integer.parseInt(args[2]), Integer.parseInt(args[3]));
      for (String seed : args[8].split(",", -1)) {
        for (String kept : args[7].split(",", -1)) {
          String[] phases = kept.split(">", -1);
          int keep = Integer.parseInt(phases[0]);
          TrainingPlan plan =
              TrainingPlan.of(steps, batch, rate, Long.parseLong(seed))
                  .following(new Schedule.Constant(0));
          JsonObject line =
              JsonObject.create()
                  .put("bench", "tuning-curves")
                  .put("kept", keep)
                  .put("of", split.middle().size())
                  .put("adapter_blocks", split.adapterSlots().size())
                  .put("batch", batch)
                  .put("block", BLOCK)
                  .put("learning_rate", rate)
                  .put("seed", plan.seed());
          TransformerModel tuned = trainable(full, split, keep);
          Curve curve = new Curve(full, split, held, kernels, keep == 0);
          curve.run(tuned, text, plan);
          if (phases.length > 1) {
            line.put("then", Integer.parseInt(phases[1]));
            TransformerModel next =
                trainable(curve.plug(tuned), split, Integer.parseInt(phases[1]));
            curve.run(next, text, plan);
          }
          line.put("steps", curve.steps)
              .put("plug_in", curve.plugged)
              .put("emulator", curve.emulated);
          line.put("parameters", tuned.count(false))
              .put("trained_parameters", tuned.count(true))
              .put("full_parameters", full.count(false))
              .put("tokens", (long) held.count() * (BLOCK - 1))
              .put("base", BaseFingerprint.of(full).sha256().substring(0, 12))
              .put("commit", System.getProperty("outpost.commit", "unknown"))
              .put("kernels", kernels.name());
          System.out.println(line.toLine());
          Files.write(
              Path.of(args[9]),
              List.of(line.toLine()),
              StandardOpenOption.CREATE,
              StandardOpenOption.APPEND);
        }
      }
    }
  }

  /** After 1, 2, 3, 4, 6, 8, 10, 12, 16, … steps: closer where the loss falls fast. */
  private static boolean measured(int step) {
    int grain = Math.max(1, Integer.highestOneBit(step) / 4);
    return step % grain == 0;
  }

  /** The full model's blocks, or its adapter's with so many blocks left between them. */
  private static TransformerModel trainable(TransformerModel full, Split split, int keep) {
    if (keep == 0) return full.trainable(name -> name.startsWith("blocks."));
    Split own = new Split(full.slots(), split.adapterSlots());
    List<Slot> middle = new LayerDrop(keep).apply(own.middle());
    return full.withSlots(own.around(middle))
        .trainable(name -> Split.owns(split.adapterSlots(), name));
  }

  /** One curve as it grows. */
  private static final class Curve {
    final TransformerModel full;
    final Split split;
    final Examples held;
    final Kernels kernels;
    final boolean whole;
    final List<Integer> steps = new ArrayList<>();
    final List<Double> plugged = new ArrayList<>();
    final List<Double> emulated = new ArrayList<>();

    Curve(TransformerModel full, Split split, Examples held, Kernels kernels, boolean whole) {
      this.full = full;
      this.split = split;
      this.held = held;
      this.kernels = kernels;
      this.whole = whole;
    }

    void run(TransformerModel tuned, Examples text, TrainingPlan plan) throws IOException {
      int before = steps.isEmpty() ? 0 : steps.getLast();
      if (steps.isEmpty()) measure(tuned, 0);
      Trainer trainer = new Trainer(tuned, Objective.languageModel(), text, null, plan, kernels);
      Progress progress =
          new Progress() {
            @Override
            public void step(Step s) {
              if (measured(s.step()) || s.step() == s.steps()) measure(tuned, before + s.step());
            }
          };
      if (!trainer.run(progress).finished())
        throw new IllegalStateException("nobody stops a curve");
    }

    private void measure(TransformerModel tuned, int step) {
      steps.add(step);
      plugged.add(loss(plug(tuned)));
      emulated.add(loss(tuned));
    }

    private double loss(TransformerModel model) {
      return Perplexity.of(model, kernels, new Workspace(), held, 8).meanLoss();
    }

    /** The full model with the tuned one's adapter, or the tuned one where it is whole. */
    TransformerModel plug(TransformerModel tuned) {
      if (whole) return tuned;
      Map<String, Slot> by =
          tuned.slots().stream().collect(Collectors.toMap(Slot::name, Function.identity()));
      return full.withSlots(
          full.slots().stream()
              .map(s -> split.adapterSlots().contains(s.name()) ? by.get(s.name()) : s)
              .toList());
    }
  }
}

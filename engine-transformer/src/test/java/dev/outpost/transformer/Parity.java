package dev.outpost.transformer;

import dev.outpost.autograd.Gradients;
import dev.outpost.autograd.Tape;
import dev.outpost.autograd.Var;
import dev.outpost.autograd.optim.Schedule;
import dev.outpost.tensor.Tensor;
import dev.outpost.tensor.io.JsonObject;
import dev.outpost.tensor.kernel.Kernels;
import dev.outpost.tensor.memory.Workspace;
import dev.outpost.tensor.random.RandomStream;
import dev.outpost.tensor.weight.HeapWeight;
import dev.outpost.transformer.family.Family;
import dev.outpost.transformer.load.ModelFolder;
import dev.outpost.transformer.load.NameTable;
import dev.outpost.transformer.module.Parameter;
import dev.outpost.transformer.module.Pass;
import dev.outpost.transformer.run.Generator;
import dev.outpost.transformer.run.Sampling;
import dev.outpost.transformer.train.Blocks;
import dev.outpost.transformer.train.Objective;
import dev.outpost.transformer.train.Progress;
import dev.outpost.transformer.train.Trainer;
import dev.outpost.transformer.train.TrainingPlan;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.TreeMap;

/**
 * How far the engine is from a golden, each difference relative to the largest value. As a program
 * it prints the table of all goldens in {@code docs/models.md}.
 */
record Parity(Golden golden, ModelFolder folder, Kernels kernels) {
  Blocks blocks() throws IOException {
    return Blocks.of(golden.ints("stream"), golden.block());
  }

  double logits() throws IOException {
    Blocks blocks = blocks().slice(0, 2);
    Pass pass = Pass.of(Tape.evaluating(kernels, new Workspace()), 2, blocks.length());
    Var hidden = folder.model().hidden(pass, blocks.ids(new int[] {0, 1}));
    Tensor logits = folder.model().logits(pass, hidden, 0, 2 * blocks.length());
    return Golden.far(logits, golden.tensors().get("logits"));
  }

  /** The loss's difference and, by our names, every gradient's. */
  record Differences(double loss, Map<String, Double> gradients) {
    double worst() {
      // A NaN anywhere must not vanish in max.
      return gradients.values().stream().reduce(0.0, (a, b) -> b > a || Double.isNaN(b) ? b : a);
    }
  }

  Differences step() throws IOException {
    TransformerModel model = folder.model().trainable(any -> true);
    Blocks blocks = blocks();
    int[] both = {0, 1};
    Tape tape = Tape.recording(kernels, new Workspace());
    Pass pass = Pass.of(tape, 2, blocks.length());
    Var loss = model.loss(pass, blocks.ids(both), blocks.targets(both));
    double far = Math.abs(loss.value().get(0) / golden.number("loss") - 1);
    Gradients gradients = new Gradients();
    tape.backward(loss, gradients);
    NameTable names = Family.of(folder.config()).names();
    Map<String, Parameter> parameters = model.parameters();
    Map<String, Double> differences = new TreeMap<>();
    for (Map.Entry<String, Tensor> e : golden.tensors().entrySet()) {
      if (!e.getKey().startsWith("grad/")) continue;
      String ours = names.ours(e.getKey().substring(5)).orElseThrow();
      Tensor got = gradients.get((HeapWeight) parameters.get(ours).weight());
      differences.put(ours, got == null ? Double.NaN : golden.farGradient(got, e.getValue()));
    }
    return new Differences(far, differences);
  }

  /** The largest relative difference of the losses of ten training steps. */
  double losses() throws IOException {
    JsonObject training = golden.record().object("training");
    double[] want = Golden.numbers(training, "losses");
    List<Double> got = new ArrayList<>();
    TrainingPlan plan =
        new TrainingPlan(
            want.length,
            2,
            1,
            (float) training.number("rate", 0),
            new Schedule.Constant(0),
            (float) training.number("decay", 0),
            (float) training.number("clip", 0),
            0,
            0,
            1,
            false);
    // Two blocks in one batch: whatever their order, the mean is the same.
    TransformerModel model = folder.model().trainable(any -> true);
    new Trainer(model, Objective.languageModel(), blocks().slice(0, 2), null, plan, kernels)
        .run(
            new Progress() {
              @Override
              public void step(Step step) {
                got.add(step.loss());
              }
            });
    if (got.size() != want.length) return Double.NaN;
    double furthest = 0;
    for (int i = 0; i < want.length; i++)
      furthest = Math.max(furthest, Math.abs(got.get(i) / want[i] - 1));
    return furthest;
  }

  /** Ten tokens after the prompt, the most likely each time. */
  int[] greedy() throws IOException {
    List<Integer> got = new ArrayList<>();
    new Generator(folder.model(), kernels)
        .generate(
            golden.ints("prompt"), 10, Sampling.greedy(), RandomStream.of(1, "none"), got::add);
    return got.stream().mapToInt(i -> i).toArray();
  }

  /** Prints the table, with this machine's fastest kernels. */
  public static void main(String[] arguments) throws IOException {
    Path temporary = Files.createTempDirectory("parity");
    System.out.println(
        "| checkpoint | `model_type` | logits | loss | worst gradient | ten losses | greedy"
            + " tokens |\n|---|---|---|---|---|---|---|");
    for (String name : Golden.NAMES) {
      Golden golden = Golden.unpack(name, temporary);
      try (ModelFolder folder = ModelFolder.open(golden.folder())) {
        Parity p = new Parity(golden, folder, TinyModels.best());
        Differences step = p.step();
        int[] want = golden.ints("greedy");
        int[] got = p.greedy();
        int same = 0;
        while (same < want.length && same < got.length && got[same] == want[same]) same++;
        System.out.println(
            String.format(
                Locale.ROOT,
                "| %s | `%s` | %.1e | %.1e | %.1e | %.1e | %d of %d |",
                name,
                folder.config().string("model_type"),
                p.logits(),
                step.loss(),
                step.worst(),
                p.losses(),
                same,
                want.length));
      }
    }
  }
}

package dev.outpost.transformer;

import static org.assertj.core.api.Assertions.assertThat;

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
import dev.outpost.transformer.run.Perplexity;
import dev.outpost.transformer.run.Sampling;
import dev.outpost.transformer.train.Blocks;
import dev.outpost.transformer.train.Objective;
import dev.outpost.transformer.train.Progress;
import dev.outpost.transformer.train.Trainer;
import dev.outpost.transformer.train.TrainingPlan;
import java.io.IOException;
import java.lang.System.Logger.Level;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.TreeSet;
import java.util.stream.Stream;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;

/**
 * The engine against Transformers and PyTorch. Each test logs how far it was from their f64 result.
 */
class GoldenTest {
  private static final System.Logger LOG = System.getLogger(GoldenTest.class.getName());
  private static final String CASES = "namesAndKernels";

  @TempDir private Path temporary;

  static Stream<Arguments> namesAndKernels() {
    return Golden.NAMES.stream()
        .flatMap(n ->
            TinyModels.kernels().stream()
                .map(k -> Arguments.argumentSet(n + " " + k.name(), n, k)));
  }

  @ParameterizedTest
  @MethodSource(CASES)
  void logitsAreTheReferences(String name, Kernels kernels) throws IOException {
    Golden golden = Golden.unpack(name, temporary);
    try (ModelFolder folder = ModelFolder.open(golden.folder())) {
      Blocks blocks = blocks(golden).slice(0, 2);
      Tape tape = Tape.evaluating(kernels, new Workspace());
      Pass pass = Pass.of(tape, 2, blocks.length());
      Var hidden = folder.model().hidden(pass, blocks.ids(new int[] {0, 1}));
      Tensor logits = folder.model().logits(pass, hidden, 0, 2 * blocks.length());
      check(golden, "logits", Golden.far(logits, golden.tensors().get("logits")));
      assertThat(folder.report().unused()).isEmpty();
      assertThat(folder.report().notes()).isEmpty();
    }
  }

  @ParameterizedTest
  @MethodSource(CASES)
  void lossAndEveryGradientAreTheReferences(String name, Kernels kernels) throws IOException {
    Golden golden = Golden.unpack(name, temporary);
    try (ModelFolder folder = ModelFolder.open(golden.folder())) {
      TransformerModel model = folder.model().trainable(any -> true);
      Blocks blocks = blocks(golden);
      int[] both = {0, 1};
      Tape tape = Tape.recording(kernels, new Workspace());
      Pass pass = Pass.of(tape, 2, blocks.length());
      Var loss = model.loss(pass, blocks.ids(both), blocks.targets(both));
      check(golden, "loss", Math.abs(loss.value().get(0) / golden.number("loss") - 1));
      Gradients gradients = new Gradients();
      tape.backward(loss, gradients);

      NameTable names = Family.of(folder.config()).names();
      Map<String, Parameter> parameters = model.parameters();
      TreeSet<String> seen = new TreeSet<>();
      String worst = "";
      double furthest = -1;
      for (Map.Entry<String, Tensor> e : golden.tensors().entrySet()) {
        if (!e.getKey().startsWith("grad/")) continue;
        String ours = names.ours(e.getKey().substring(5)).orElseThrow();
        seen.add(ours);
        Tensor got = gradients.get((HeapWeight) parameters.get(ours).weight());
        assertThat(got).as(ours).isNotNull();
        double far = Golden.far(got, e.getValue());
        if (far > furthest || Double.isNaN(far)) {
          furthest = far;
          worst = ours;
        }
      }
      assertThat(seen).isEqualTo(new TreeSet<>(parameters.keySet()));
      LOG.log(Level.INFO, golden + ": the gradient furthest off is that of " + worst);
      check(golden, "gradients", furthest);
    }
  }

  @ParameterizedTest
  @MethodSource(CASES)
  void tenTrainingLossesAreTheReferences(String name, Kernels kernels) throws IOException {
    Golden golden = Golden.unpack(name, temporary);
    JsonObject training = golden.record().object("training");
    double[] want = Golden.numbers(training, "losses");
    List<Double> got = new ArrayList<>();
    try (ModelFolder folder = ModelFolder.open(golden.folder())) {
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
      Blocks blocks = blocks(golden).slice(0, 2);
      TransformerModel model = folder.model().trainable(any -> true);
      new Trainer(model, Objective.languageModel(), blocks, null, plan, kernels)
          .run(
              new Progress() {
                @Override
                public void step(Step step) {
                  got.add(step.loss());
                }
              });
    }
    assertThat(got).hasSize(10);
    double furthest = 0;
    for (int i = 0; i < want.length; i++)
      furthest = Math.max(furthest, Math.abs(got.get(i) / want[i] - 1));
    check(golden, "losses", furthest);
  }

  @ParameterizedTest
  @MethodSource(CASES)
  void greedyGenerationIsTheReferences(String name, Kernels kernels) throws IOException {
    Golden golden = Golden.unpack(name, temporary);
    List<Integer> got = new ArrayList<>();
    try (ModelFolder folder = ModelFolder.open(golden.folder())) {
      new Generator(folder.model(), kernels)
          .generate(
              golden.ints("prompt"), 10, Sampling.greedy(), RandomStream.of(1, "none"), got::add);
    }
    assertThat(got)
        .containsExactly(
            java.util.Arrays.stream(golden.ints("greedy")).boxed().toArray(Integer[]::new));
  }

  @ParameterizedTest
  @MethodSource(CASES)
  void perplexityInFixedBlocksIsTheReferences(String name, Kernels kernels) throws IOException {
    Golden golden = Golden.unpack(name, temporary);
    try (ModelFolder folder = ModelFolder.open(golden.folder())) {
      Blocks blocks = blocks(golden);
      Perplexity got = Perplexity.of(folder.model(), kernels, new Workspace(), blocks, 2);
      assertThat(got.tokens()).isEqualTo((long) blocks.count() * (blocks.length() - 1));
      check(golden, "perplexity", Math.abs(got.value() / golden.number("perplexity") - 1));
    }
  }

  private static Blocks blocks(Golden golden) throws IOException {
    return Blocks.of(golden.ints("stream"), golden.block());
  }

  private static void check(Golden golden, String what, double far) throws IOException {
    LOG.log(
        Level.INFO,
        "%s: %s is %.1e off, bound %.1e".formatted(golden, what, far, golden.bound(what)));
    assertThat(far)
        .as("%s of %s, relative to the largest", what, golden)
        .isLessThanOrEqualTo(golden.bound(what));
  }
}

package dev.outpost.transformer;

import static org.assertj.core.api.Assertions.assertThat;

import dev.outpost.autograd.Gradients;
import dev.outpost.autograd.Tape;
import dev.outpost.autograd.Var;
import dev.outpost.autograd.optim.Schedule;
import dev.outpost.tensor.Tensor;
import dev.outpost.tensor.io.FormatException;
import dev.outpost.tensor.io.JsonObject;
import dev.outpost.tensor.kernel.Kernels;
import dev.outpost.tensor.memory.Workspace;
import dev.outpost.tensor.weight.HeapWeight;
import dev.outpost.transformer.family.Family;
import dev.outpost.transformer.load.ModelFolder;
import dev.outpost.transformer.load.NameTable;
import dev.outpost.transformer.module.Parameter;
import dev.outpost.transformer.train.Batch;
import dev.outpost.transformer.train.Examples;
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
 * The encoders against Transformers and PyTorch, texts of different lengths in one batch. Each test
 * logs how far it was from their f64 result. Written by {@code golden/make_encoder_goldens.py}.
 */
class EncoderGoldenTest {
  private static final System.Logger LOG = System.getLogger(EncoderGoldenTest.class.getName());
  private static final String CASES = "namesAndKernels";

  /** A gradient that is 0 but for rounding, as a key bias's: no softmax changes with it. */
  private static final double NOTHING = 1e-9;

  static final List<String> NAMES =
      List.of(
          "bert-mlm-f32",
          "bert-classes-bf16",
          "bert-features-f32",
          "roberta-mlm-f16",
          "roberta-classes-f32",
          "vit-classes-f32",
          "vit-features-bf16",
          "clip-vision-projected-f32",
          "clip-vision-bare-f16",
          "clip-whole-f32",
          "eva-classes-f32",
          "eva-token-f16",
          "eva-features-f32");

  @TempDir private Path temporary;

  static Stream<Arguments> namesAndKernels() {
    return NAMES.stream()
        .flatMap(n ->
            TinyModels.kernels().stream()
                .map(k -> Arguments.argumentSet(n + " " + k.name(), n, k)));
  }

  @ParameterizedTest
  @MethodSource(CASES)
  void logitsAreTheReferences(String name, Kernels kernels) throws IOException {
    Golden golden = Golden.unpack(name, temporary);
    try (ModelFolder folder = ModelFolder.open(golden.folder())) {
      Batch batch = new One(golden).batch(new int[1]);
      TransformerModel model = folder.model();
      var pass = batch.pass(Tape.evaluating(kernels, new Workspace()));
      Tensor logits = model.logits(pass, model.hidden(pass, batch.input()));
      blank(logits, batch);
      check(golden, "logits", Golden.far(logits, golden.tensors().get("logits")));
      assertThat(folder.report().unused()).isEmpty();
      assertThat(folder.report().notes()).isEmpty();
      assertThat(model.count(false)).isEqualTo(model.spec().parameters());
    }
  }

  /** The reference's scores of padding are of no use, and its file holds zeros there. */
  private static void blank(Tensor logits, Batch batch) {
    if (batch.lengths() == null || logits.rows() != batch.positions()) return;
    for (int i = 0; i < logits.rows(); i++)
      if (i % batch.time() >= batch.lengths()[i / batch.time()]) logits.slice(i, i + 1).fill(0);
  }

  @ParameterizedTest
  @MethodSource(CASES)
  void lossAndEveryGradientAreTheReferences(String name, Kernels kernels) throws IOException {
    Golden golden = Golden.unpack(name, temporary);
    try (ModelFolder folder = ModelFolder.open(golden.folder())) {
      TransformerModel model = scored(folder.model()).trainable(any -> true);
      Batch batch = new One(golden).batch(new int[1]);
      Tape tape = Tape.recording(kernels, new Workspace());
      Var loss = model.loss(batch.pass(tape), batch.input(), batch.targets());
      check(golden, "loss", Math.abs(loss.value().get(0) / golden.number("loss") - 1));
      Gradients gradients = new Gradients();
      tape.backward(loss, gradients);

      NameTable names = Family.of(folder.config()).names(model.spec());
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
        if (largest(e.getValue()) < NOTHING) {
          assertThat(largest(got)).as(ours).isLessThan(1e-6);
          continue;
        }
        double far = Golden.far(got, e.getValue());
        if (far > furthest || Double.isNaN(far)) {
          furthest = far;
          worst = ours;
        }
      }
      assertThat(seen).isEqualTo(new TreeSet<>(folder.model().parameters().keySet()));
      LOG.log(Level.INFO, golden + ": the gradient furthest off is that of " + worst);
      check(golden, "gradients", furthest);
    }
  }

  private static double largest(Tensor t) {
    double most = 0;
    for (int i = 0; i < t.size(); i++) most = Math.max(most, Math.abs(t.get(i)));
    return most;
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
              1,
              1,
              (float) training.number("rate", 0),
              new Schedule.Constant(0),
              (float) training.number("decay", 0),
              (float) training.number("clip", 0),
              0,
              0,
              1,
              false);
      TransformerModel model = scored(folder.model()).trainable(p -> trained(folder.model(), p));
      new Trainer(model, Objective.languageModel(), new One(golden), null, plan, kernels)
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

  private static boolean trained(TransformerModel model, String parameter) {
    return model.parameters().containsKey(parameter);
  }

  /**
   * The goldens train features as if they were scores; where nothing projects them an identity
   * matrix makes them so.
   */
  static TransformerModel scored(TransformerModel model) {
    if (model.spec().head().kind() != Spec.HeadKind.FEATURES || model.head().weight() != null)
      return model;
    int c = model.spec().width();
    Tensor identity = Tensor.zeros(c, c);
    for (int i = 0; i < c; i++) identity.data()[i * c + i] = 1;
    return model.withHead(
        new dev.outpost.transformer.layer.Head(
            Spec.HeadKind.FEATURES,
            model.head().pool(),
            model.head().transform(),
            Parameter.frozen(HeapWeight.of(identity)),
            null));
  }

  /** A golden's batch as the only example. */
  record One(Golden golden) implements Examples {
    @Override
    public int count() {
      return 1;
    }

    @Override
    public Batch batch(int[] which) {
      try {
        int n = golden.record().integer("batch", 1, 100);
        int[] targets = golden.ints("targets");
        Tensor pixels = golden.tensors().get("pixels");
        if (pixels != null) {
          int side = pixels.shape().dim(2) / 4;
          return new Batch(Input.of(pixels), n, side * side + 1, targets);
        }
        int[] ids = golden.ints("ids");
        return new Batch(
            Input.of(ids, golden.ints("types")),
            n,
            ids.length / n,
            golden.ints("lengths"),
            targets);
      } catch (FormatException e) {
        throw new AssertionError(e);
      }
    }

    @Override
    public String extent() {
      return "1";
    }

    @Override
    public String sha256() {
      return golden.name();
    }
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

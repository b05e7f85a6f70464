package dev.outpost.offsite.tune;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import dev.outpost.autograd.Gradients;
import dev.outpost.autograd.Tape;
import dev.outpost.autograd.Var;
import dev.outpost.offsite.artifact.AdapterArtifact;
import dev.outpost.offsite.artifact.BaseFingerprint;
import dev.outpost.offsite.artifact.PlugIn;
import dev.outpost.tensor.Tensor;
import dev.outpost.tensor.io.FormatException;
import dev.outpost.tensor.io.JsonObject;
import dev.outpost.tensor.kernel.Kernels;
import dev.outpost.tensor.kernel.Team;
import dev.outpost.tensor.memory.Workspace;
import dev.outpost.tensor.random.RandomStream;
import dev.outpost.tensor.weight.HeapWeight;
import dev.outpost.transformer.Golden;
import dev.outpost.transformer.TinyModels;
import dev.outpost.transformer.TransformerModel;
import dev.outpost.transformer.load.ModelFolder;
import dev.outpost.transformer.module.Pass;
import dev.outpost.transformer.peft.Attach;
import dev.outpost.transformer.peft.BottleneckConfig;
import dev.outpost.transformer.peft.Ia3Config;
import dev.outpost.transformer.peft.LoraConfig;
import dev.outpost.transformer.peft.PeftMethod;
import dev.outpost.transformer.peft.PrefixConfig;
import dev.outpost.transformer.peft.PromptConfig;
import dev.outpost.transformer.run.Generator;
import dev.outpost.transformer.run.Perplexity;
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
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.DynamicContainer;
import org.junit.jupiter.api.DynamicTest;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestFactory;
import org.junit.jupiter.api.io.TempDir;

/** What every tuning method must do in every family: the matrix that is printed at the end. */
class PeftMethodsTest {
  private static final Set<String> SLOTS = Set.of("blocks.0", "blocks.2");
  private static final JsonObject NOTHING = JsonObject.create();
  private static final Kernels KERNELS = TinyModels.best();
  private static final int VOCABULARY = 53;
  private static final int[] IDS = TinyModels.tokens(12, VOCABULARY, 3);
  private static final Blocks TEXT = Blocks.of(TinyModels.tokens(96, 9, 5), 12);

  /** Sums in another order: of the largest score. */
  private static final double BOUND = 1e-5;

  private static final Map<String, PeftMethod> METHODS = methods();
  private static final Map<String, ModelFolder> FAMILIES = new LinkedHashMap<>();
  private static final Map<String, Map<String, String>> MATRIX = new LinkedHashMap<>();

  @TempDir static Path temporary;

  private static Map<String, PeftMethod> methods() {
    Map<String, PeftMethod> all = new LinkedHashMap<>();
    all.put("lora", new LoraConfig(3, 6, 0.1f, LoraConfig.ALL_PROJECTIONS));
    all.put("rslora", new LoraConfig(4, 6, 0, List.of("attn.*", "down"), true, false));
    all.put("dora", new LoraConfig(3, 6, 0.1f, LoraConfig.ALL_PROJECTIONS, false, true));
    all.put("bottleneck", new BottleneckConfig(5, 0.1f, BottleneckConfig.BOTH_HALVES));
    all.put("prefix", new PrefixConfig(3));
    all.put("prompt", new PromptConfig(4));
    all.put("ia3", Ia3Config.PAPER);
    all.put("bitfit", new PeftMethod.BitFit());
    all.put("full", new PeftMethod.Full());
    return all;
  }

  /** A method on a family's model. */
  private record Case(String name, String family, PeftMethod method, ModelFolder folder) {
    /** On a model whose activations have no corner. */
    Case smooth() {
      return family.equals("opt") ? new Case(name, family, method, FAMILIES.get("smooth")) : this;
    }

    TransformerModel base() {
      return folder.model();
    }

    TransformerModel attached() {
      return Attach.attach(base(), SLOTS, method, 1);
    }

    /** Attached, with every trainable number moved as training would. */
    TransformerModel moved() {
      TransformerModel m = attached();
      m.visit((name, p) -> {
        if (!p.trainable()) return;
        Tensor t = ((HeapWeight) p.weight()).tensor();
        RandomStream random = RandomStream.of(9, name);
        for (int i = 0; i < t.size(); i++) t.data()[i] += 0.1f * (float) random.nextGaussian();
      });
      return m;
    }

    boolean startsAsTheBase() {
      return !(method instanceof PrefixConfig || method instanceof PromptConfig);
    }

    AdapterArtifact artifact(TransformerModel tuned) {
      return AdapterArtifact.of(tuned, BaseFingerprint.of(base()), SLOTS, method, NOTHING);
    }
  }

  @FunctionalInterface
  private interface Behaviour {
    void hold(Case c) throws Exception;
  }

  @BeforeAll
  static void open() throws IOException {
    for (String[] f :
        new String[][] {
          {"gpt2", "tied-f32"}, {"opt", "opt-before-f32"}, {"llama", "llama-grouped-f32"}
        }) FAMILIES.put(f[0], ModelFolder.open(Golden.unpack(f[1], temporary).folder()));
    Path smooth = Files.createDirectories(temporary.resolve("smooth"));
    Path opt = FAMILIES.get("opt").path();
    Files.copy(opt.resolve("model.safetensors"), smooth.resolve("model.safetensors"));
    JsonObject.read(opt.resolve("config.json"))
        .put("activation_function", "gelu")
        .write(smooth.resolve("config.json"));
    FAMILIES.put("smooth", ModelFolder.open(smooth));
  }

  @AfterAll
  static void print() throws IOException {
    for (ModelFolder f : FAMILIES.values()) f.close();
    List<String> rows = new ArrayList<>(MATRIX.values().iterator().next().keySet());
    System.out.printf("%-11s", "");
    for (String behaviour : MATRIX.keySet()) System.out.printf(" %-17s", behaviour);
    System.out.println();
    for (String row : rows) {
      System.out.printf("%-11s", row);
      for (Map<String, String> column : MATRIX.values())
        System.out.printf(" %-17s", column.get(row));
      System.out.println();
    }
  }

  @TestFactory
  Stream<DynamicContainer> everyMethodInEveryFamily() {
    Map<String, Behaviour> behaviours = new LinkedHashMap<>();
    behaviours.put("start=base", PeftMethodsTest::startsAsTheBaseWhereItPromisesTo);
    behaviours.put("merge", PeftMethodsTest::mergedIsUnmergedOrIsRefused);
    behaviours.put("file", PeftMethodsTest::comesBackFromAFileBitForBit);
    behaviours.put("disable", PeftMethodsTest::withoutItTheBaseIsThere);
    behaviours.put("NaN refused", PeftMethodsTest::refusesWhatIsNotFinite);
    behaviours.put("whole or none", PeftMethodsTest::attachesWholeOrNotAtAll);
    behaviours.put("gradient", PeftMethodsTest::gradientsAreTheLosssSlope);
    behaviours.put("learns", PeftMethodsTest::trainingLowersTheLoss);
    behaviours.put("threads", PeftMethodsTest::oneThreadAndTwoGiveTheSameBits);
    behaviours.put("cache", PeftMethodsTest::aCacheChangesNoToken);
    return behaviours.entrySet().stream()
        .map(b ->
            DynamicContainer.dynamicContainer(
                b.getKey(),
                METHODS.keySet().stream()
                    .flatMap(m ->
                        FAMILIES.entrySet().stream()
                            .filter(f -> !f.getKey().equals("smooth"))
                            .map(f ->
                                test(
                                    b.getKey(),
                                    b.getValue(),
                                    new Case(m, f.getKey(), METHODS.get(m), f.getValue()))))));
  }

  private static DynamicTest test(String behaviour, Behaviour b, Case c) {
    Map<String, String> column = MATRIX.computeIfAbsent(behaviour, k -> new LinkedHashMap<>());
    column.putIfAbsent(c.name, "");
    return DynamicTest.dynamicTest(
        c.name + " " + c.family,
        () -> {
          column.merge(c.name, "FAILS " + c.family + " ", String::concat);
          b.hold(c);
          column.computeIfPresent(c.name, (k, v) -> v.replace("FAILS " + c.family, c.family));
        });
  }

  private static void startsAsTheBaseWhereItPromisesTo(Case c) {
    float[] base = scores(c.base());
    float[] attached = scores(c.attached());
    if (c.startsAsTheBase()) assertThat(attached).isEqualTo(base);
    else assertThat(attached).isNotEqualTo(base);
    assertThat(scores(c.moved())).as("moved, it must matter").isNotEqualTo(base);
  }

  private static void mergedIsUnmergedOrIsRefused(Case c) throws IOException {
    TransformerModel moved = c.moved().frozen();
    TransformerModel merged = Attach.merge(moved, KERNELS);
    close(scores(merged), scores(moved));
    Path out = temporary.resolve("merged-" + c.name + "-" + c.family);
    if (!c.method.merges()) {
      assertThatThrownBy(() -> ModelFolder.write(out, merged, c.folder.config(), null))
          .isInstanceOf(IllegalArgumentException.class)
          .hasMessageContainingAll("attached " + c.method.name(), "--adapter", "lora");
      assertThat(out).doesNotExist();
      return;
    }
    assertThat(Attach.carried(merged)).isEmpty();
    assertThat(merged.parameters().keySet()).isEqualTo(c.base().parameters().keySet());
    ModelFolder.write(out, merged, c.folder.config(), null);
    try (ModelFolder again = ModelFolder.open(out)) {
      assertThat(scores(again.model())).isEqualTo(scores(merged));
    }
  }

  private static void comesBackFromAFileBitForBit(Case c) throws Exception {
    TransformerModel moved = c.moved();
    Path folder = Files.createDirectories(temporary.resolve("file-" + c.name + "-" + c.family));
    c.artifact(moved).write(folder);
    AdapterArtifact read = AdapterArtifact.read(folder);
    assertThat(read.method()).isEqualTo(c.method);
    TransformerModel plugged = PlugIn.apply(c.base(), BaseFingerprint.of(c.base()), read);
    assertThat(plugged.count(true)).isZero();
    assertThat(scores(plugged)).isEqualTo(scores(moved));
  }

  private static void withoutItTheBaseIsThere(Case c) {
    Map<String, float[]> numbers = TinyModels.numbers(c.base());
    float[] before = scores(c.base());
    TransformerModel tuned = trained(c, KERNELS, 2);
    assertThat(scores(tuned)).isNotEqualTo(before);
    assertThat(scores(c.base())).isEqualTo(before);
    TinyModels.numbers(c.base())
        .forEach((name, v) -> assertThat(v).as(name).isEqualTo(numbers.get(name)));
    if (c.method instanceof PeftMethod.Full || c.method instanceof PeftMethod.BitFit) return;
    TransformerModel without = Attach.detach(tuned);
    assertThat(scores(without)).isEqualTo(before);
    assertThat(BaseFingerprint.of(without)).isEqualTo(BaseFingerprint.of(c.base()));
    assertThat(without.spec()).isEqualTo(c.base().spec());
  }

  private static void refusesWhatIsNotFinite(Case c) throws IOException {
    for (float bad : new float[] {Float.NaN, Float.NEGATIVE_INFINITY}) {
      AdapterArtifact a = c.artifact(c.moved());
      Map.Entry<String, HeapWeight> last = List.copyOf(a.tensors().entrySet()).getLast();
      Tensor t = last.getValue().tensor();
      t.data()[t.offset() + t.size() - 1] = bad;
      Path folder = Files.createDirectories(temporary.resolve("nan-" + c.name + "-" + c.family));
      a.write(folder);
      assertThatThrownBy(() -> AdapterArtifact.read(folder))
          .isInstanceOf(FormatException.class)
          .hasMessageContainingAll(last.getKey(), "must be finite", "lower learning rate");
    }
  }

  private static void attachesWholeOrNotAtAll(Case c) {
    float[] before = scores(c.base());
    refused(c, Set.of("blocks.0", "blocks.7"), c.method, "[blocks.7]");
    refused(c, Set.of(), c.method, "blocks.0");
    switch (c.method) {
      case LoraConfig l ->
          refused(
              c,
              SLOTS,
              new LoraConfig(2, 2, 0, List.of("mlp.down", "attn.zz"), false, l.dora()),
              "[attn.zz]");
      case BottleneckConfig b ->
          refused(c, SLOTS, new BottleneckConfig(2, 0, List.of("mlp.down", "zz*")), "[zz*]");
      case Ia3Config i -> {
        refused(c, SLOTS, new Ia3Config(List.of("zz"), List.of("mlp.down")), "[zz]");
        refused(c, SLOTS, new Ia3Config(List.of("down"), List.of("mlp.down")), "both");
      }
      case PromptConfig p -> refused(c, SLOTS, new PromptConfig(20), "context of 20");
      case PrefixConfig p -> {}
      case PeftMethod.BitFit b -> {}
      case PeftMethod.Full f -> {}
    }
    if (c.method instanceof PeftMethod.Full || c.method instanceof PeftMethod.BitFit) return;
    TransformerModel once = c.moved();
    float[] moved = scores(once);
    assertThatThrownBy(() -> Attach.attach(once, Set.of("blocks.2"), c.method, 2))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessageContaining("already carries");
    assertThat(scores(once)).isEqualTo(moved);
    assertThat(scores(c.base())).isEqualTo(before);
    assertThat(Attach.carried(c.base())).isEmpty();
  }

  private static void refused(Case c, Set<String> slots, PeftMethod method, String named) {
    Map<String, float[]> numbers = TinyModels.numbers(c.base());
    assertThatThrownBy(() -> Attach.attach(c.base(), slots, method, 1))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessageContainingAll(method.name() + ": ", named);
    TinyModels.numbers(c.base())
        .forEach((name, v) -> assertThat(v).as(name).isEqualTo(numbers.get(name)));
  }

  /**
   * Central differences along the gradient and one random direction; of DoRA along the lengths, as
   * its norms are constants on the way back and not in the loss.
   */
  private static void gradientsAreTheLosssSlope(Case c) {
    TransformerModel m = c.smooth().moved();
    Map<String, HeapWeight> trained = new LinkedHashMap<>();
    m.visit((name, p) -> {
      boolean dora = c.method instanceof LoraConfig l && l.dora();
      if (p.trainable() && (!dora || name.endsWith(".dora_magnitude.weight")))
        trained.put(name, (HeapWeight) p.weight());
    });
    Gradients gradients = new Gradients();
    Tape tape = Tape.recording(Kernels.scalar(), new Workspace());
    tape.backward(loss(m, tape), gradients);
    double norm = 0;
    double length = 0;
    Map<String, float[]> direction = new LinkedHashMap<>();
    for (Map.Entry<String, HeapWeight> e : trained.entrySet()) {
      Tensor g = gradients.get(e.getValue());
      assertThat(g).as(e.getKey()).isNotNull();
      float[] u = new float[g.size()];
      RandomStream random = RandomStream.of(4, e.getKey());
      for (int i = 0; i < u.length; i++) {
        u[i] = (float) random.nextGaussian();
        norm += (double) g.get(i) * g.get(i);
        length += (double) u[i] * u[i];
      }
      direction.put(e.getKey(), u);
    }
    double slope = 0;
    for (Map.Entry<String, HeapWeight> e : trained.entrySet()) {
      Tensor g = gradients.get(e.getValue());
      float[] u = direction.get(e.getKey());
      for (int i = 0; i < u.length; i++) {
        u[i] = (float) (u[i] / Math.sqrt(length) + g.get(i) / Math.sqrt(norm));
        slope += (double) u[i] * g.get(i);
      }
    }
    double h = 1.0 / 256;
    double near = (at(m, trained, direction, h) - at(m, trained, direction, -h)) / (2 * h);
    double far = (at(m, trained, direction, 2 * h) - at(m, trained, direction, -2 * h)) / (4 * h);
    // The loss is an f32 of about 4: 2e-7 of rounding over 2h, and ReLU's corners in bottlenecks.
    assertThat((4 * near - far) / 3).isCloseTo(slope, within(2e-3 * Math.abs(slope) + 2e-4));
  }

  private static Var loss(TransformerModel m, Tape tape) {
    int[] targets = Arrays.copyOfRange(IDS, 1, 13);
    targets[5] = -1;
    targets[11] = -1;
    return m.loss(Pass.of(tape, 2, 6), IDS, targets);
  }

  private static double at(
      TransformerModel m,
      Map<String, HeapWeight> weights,
      Map<String, float[]> direction,
      double h) {
    Map<String, float[]> before = new LinkedHashMap<>();
    weights.forEach((name, w) -> {
      Tensor t = w.tensor();
      before.put(name, t.toArray());
      for (int i = 0; i < t.size(); i++)
        t.data()[t.offset() + i] += (float) (h * direction.get(name)[i]);
    });
    double value = loss(m, Tape.evaluating(Kernels.scalar(), new Workspace())).value().get(0);
    weights.forEach((name, w) -> w.tensor().copyFrom(Tensor.of(w.shape(), before.get(name))));
    return value;
  }

  private static void trainingLowersTheLoss(Case c) {
    double before = perplexity(c.attached());
    double after = perplexity(trained(c, KERNELS, 30));
    assertThat(after).isLessThan(0.98 * before);
  }

  private static double perplexity(TransformerModel m) {
    return Perplexity.of(m, KERNELS, new Workspace(), TEXT, 4).value();
  }

  private static void oneThreadAndTwoGiveTheSameBits(Case c) {
    try (Team one = Team.of(1);
        Team two = Team.of(2)) {
      Map<String, float[]> a = TinyModels.numbers(trained(c, Kernels.best(one), 4));
      Map<String, float[]> b = TinyModels.numbers(trained(c, Kernels.best(two), 4));
      assertThat(a.keySet()).isEqualTo(b.keySet());
      a.forEach((name, v) -> assertThat(b.get(name)).as(name).isEqualTo(v));
    }
  }

  private static TransformerModel trained(Case c, Kernels kernels, int steps) {
    TransformerModel m = c.attached();
    TrainingPlan plan = TrainingPlan.of(steps, 4, 2e-2f, 7);
    new Trainer(m, Objective.languageModel(), TEXT, null, plan, kernels).run(Progress.SILENT);
    return m;
  }

  private static void aCacheChangesNoToken(Case c) {
    TransformerModel m = c.moved().frozen();
    Generator generator = new Generator(m, KERNELS);
    int[] sequence = {3, 1, 4};
    for (int round = 0; round < 2; round++) {
      sequence = Arrays.copyOf(sequence, 3);
      while (sequence.length < 12) {
        float[] cached = generator.scores(sequence);
        float[] plain = last(m, sequence);
        close(cached, plain);
        int next = Sampling.greedy().choose(cached, RandomStream.of(0, "none"));
        sequence = Arrays.copyOf(sequence, sequence.length + 1);
        sequence[sequence.length - 1] = (next + round) % VOCABULARY;
      }
    }
  }

  private static float[] last(TransformerModel m, int[] ids) {
    Pass pass = Pass.of(Tape.evaluating(KERNELS, new Workspace()), 1, ids.length);
    return m.logits(pass, m.hidden(pass, ids), ids.length - 1, ids.length).toArray();
  }

  private static float[] scores(TransformerModel m) {
    Pass pass = Pass.of(Tape.evaluating(KERNELS, new Workspace()), 2, 6);
    return m.logits(pass, m.hidden(pass, IDS), 0, 12).toArray();
  }

  private static void close(float[] got, float[] want) {
    double largest = 0;
    for (float w : want) largest = Math.max(largest, Math.abs(w));
    for (int i = 0; i < want.length; i++)
      assertThat((double) got[i]).isCloseTo(want[i], within(BOUND * largest));
  }

  @Test
  void aNameIsGivenToEveryMethod() {
    assertThat(METHODS.values().stream().map(PeftMethod::name).distinct())
        .containsExactlyInAnyOrderElementsOf(PeftMethod.NAMES);
  }
}

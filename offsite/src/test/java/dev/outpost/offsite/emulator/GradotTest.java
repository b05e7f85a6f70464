package dev.outpost.offsite.emulator;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import dev.outpost.autograd.Gradients;
import dev.outpost.autograd.Tape;
import dev.outpost.offsite.artifact.BaseFingerprint;
import dev.outpost.offsite.artifact.OffsitePackage;
import dev.outpost.offsite.split.Split;
import dev.outpost.offsite.split.SplitPlan;
import dev.outpost.offsite.svd.Svd;
import dev.outpost.tensor.Tensor;
import dev.outpost.tensor.io.FormatException;
import dev.outpost.tensor.io.JsonObject;
import dev.outpost.tensor.kernel.Kernels;
import dev.outpost.tensor.kernel.Team;
import dev.outpost.tensor.memory.Workspace;
import dev.outpost.tensor.weight.HeapWeight;
import dev.outpost.transformer.Slot;
import dev.outpost.transformer.Spec;
import dev.outpost.transformer.TinyModels;
import dev.outpost.transformer.TransformerBlock;
import dev.outpost.transformer.TransformerModel;
import dev.outpost.transformer.family.Gpt2;
import dev.outpost.transformer.layer.Dense;
import dev.outpost.transformer.layer.LowRank;
import dev.outpost.transformer.layer.QueryKeyValue;
import dev.outpost.transformer.module.Pass;
import dev.outpost.transformer.module.Projection;
import dev.outpost.transformer.train.Batch;
import dev.outpost.transformer.train.Blocks;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class GradotTest {
  private static final Blocks TEXT = Blocks.of(TinyModels.tokens(6 * 8, 23, 1), 8);
  private static final Kernels KERNELS = TinyModels.best();
  private final TransformerModel full = TinyModels.random(5, 3);
  private final Workshop shop = Workshop.of(KERNELS, 1).withText(TEXT, null);
  @TempDir Path folder;

  private static Gradot step(String text) {
    return (Gradot) EmulatorSteps.read(StepSettings.parse(text));
  }

  private static Draft draft(TransformerModel model) {
    return Draft.of(model, Split.sandwich(model, 1, 1));
  }

  private static TransformerBlock block(TransformerModel model, int i) {
    return (TransformerBlock) model.slots().get(i).block();
  }

  // The curvature.

  @Test
  void theFactorsAreWhatGoesInAndTheGradientOfWhatComesOut() {
    Blocks pair = Blocks.of(new int[] {4, 9}, 2);
    Kfac.Observer seen = new Kfac.Observer();
    seen.run(full, path -> true, KERNELS, pair, 1, 8);
    Batch batch = pair.batch(new int[] {0});
    Workspace ws = new Workspace();
    Pass pass = batch.pass(Tape.evaluating(KERNELS, ws));
    List<float[]> in = new ArrayList<>();
    block(full, 0)
        .norm1()
        .apply(
            pass,
            full.embed(pass, batch.input()),
            v -> {
              in.add(v.value().toArray());
              return v;
            });
    float[] x = in.getFirst();
    QueryKeyValue.Fused qkv = (QueryKeyValue.Fused) block(full, 0).attention().inputs();
    Tensor a = seen.of(((Dense) qkv.qkv()).weight().weight()).inputs();
    for (int i = 0; i < 16; i++)
      for (int j = 0; j < 16; j++)
        assertThat(a.get(16 * i + j))
            .isCloseTo((x[i] * x[j] + x[16 + i] * x[16 + j]) / 2, within(1e-5f));
    // Only the first position has a target, and the last block's output reaches no other: the
    // gradient of its bias is that of the output there.
    TransformerModel last = full.trainable(name -> name.startsWith("blocks.4.mlp.down."));
    Gradients gradients = new Gradients();
    Tape tape = Tape.recording(KERNELS, ws);
    tape.backward(last.loss(batch.pass(tape), batch.input(), batch.targets()), gradients);
    float[] dy = gradient(gradients, last, "blocks.4.mlp.down.bias");
    Kfac k = seen.of(((Dense) block(full, 4).mlp().down()).weight().weight());
    for (int i = 0; i < 16; i++)
      for (int j = 0; j < 16; j++)
        assertThat(k.outputs().get(16 * i + j))
            .isCloseTo(dy[i] * dy[j] / 2, within(1e-6f + 1e-4f * Math.abs(dy[i] * dy[j])));
    // GPT-2 stores [in, out].
    float[] dw = gradient(gradients, last, "blocks.4.mlp.down.weight");
    for (int o = 0; o < 16; o++)
      for (int i = 0; i < 64; i++)
        assertThat(k.gradient().get(64 * o + i)).isCloseTo(dw[16 * i + o], within(1e-6f));
  }

  private static float[] gradient(Gradients g, TransformerModel model, String name) {
    Tensor t = g.get((HeapWeight) model.parameters().get(name).weight());
    if (t == null) throw new AssertionError(name);
    return t.toArray();
  }

  /** The mean loss over all tokens, whatever the batches. */
  @Test
  void gradientsAddUpOverBatches() {
    Kfac.Observer one = new Kfac.Observer();
    Kfac.Observer many = new Kfac.Observer();
    one.run(full, path -> path.contains("blocks.2."), KERNELS, TEXT, 6, 6);
    many.run(full, path -> path.contains("blocks.2."), KERNELS, TEXT, 6, 2);
    TransformerModel two = full.trainable(name -> name.equals("blocks.2.mlp.up.weight"));
    Batch batch = TEXT.batch(new int[] {0, 1, 2, 3, 4, 5});
    Gradients gradients = new Gradients();
    Tape tape = Tape.recording(KERNELS, new Workspace());
    tape.backward(two.loss(batch.pass(tape), batch.input(), batch.targets()), gradients);
    float[] want = gradient(gradients, two, "blocks.2.mlp.up.weight");
    for (Kfac.Observer seen : List.of(one, many)) {
      Tensor got = seen.of(((Dense) block(full, 2).mlp().up()).weight().weight()).gradient();
      for (int i = 0; i < 16; i++)
        for (int o = 0; o < 64; o++)
          assertThat(got.get(16 * o + i)).isCloseTo(want[64 * i + o], within(1e-6f));
    }
    Tensor a = one.of(((Dense) block(full, 2).mlp().up()).weight().weight()).outputs();
    Tensor b = many.of(((Dense) block(full, 2).mlp().up()).weight().weight()).outputs();
    for (int i = 0; i < a.size(); i++)
      assertThat(b.get(i)).isCloseTo(a.get(i), within(1e-5f + 1e-3f * Math.abs(a.get(i))));
  }

  // The choice.

  private static GradotChoice.Candidate candidate(
      int of, int index, double curvature, double pull) {
    return new GradotChoice.Candidate(of, index, curvature, pull);
  }

  @Test
  void whatWouldCostMostStays() {
    List<List<GradotChoice.Candidate>> one =
        List.of(
            List.of(
                candidate(0, 0, 1, 5),
                candidate(0, 1, 4, 0),
                candidate(0, 2, 3, -9),
                candidate(0, 3, 2, 2)));
    assertThat(
            new GradotChoice(0, Gradot.Units.RAW, Gradot.Budget.MIDDLE)
                .stay(one, 0.5, new int[] {0})
                .getFirst())
        .containsExactly(false, true, true, false);
    assertThat(
            new GradotChoice(1, Gradot.Units.RAW, Gradot.Budget.MIDDLE)
                .stay(one, 0.5, new int[] {0})
                .getFirst())
        .containsExactly(true, true, false, false);
    // Means 2.5 and 4: scores 1.65, 1.6, −1.05, 1.3.
    assertThat(
            new GradotChoice(1, Gradot.Units.RELATIVE, Gradot.Budget.MIDDLE)
                .stay(one, 0.5, new int[] {0})
                .getFirst())
        .containsExactly(true, true, false, false);
    assertThat(
            new GradotChoice(0, Gradot.Units.RAW, Gradot.Budget.MIDDLE)
                .stay(one, 0.25, new int[] {1})
                .getFirst())
        .containsExactly(true, false, false, false);
  }

  @Test
  void overTheMiddleTheBudgetGoesWhereItCounts() {
    List<List<GradotChoice.Candidate>> two =
        List.of(
            List.of(candidate(0, 0, 9, 0), candidate(0, 1, 8, 0)),
            List.of(candidate(1, 0, 1, 0), candidate(1, 1, 2, 0)));
    List<boolean[]> stay =
        new GradotChoice(1, Gradot.Units.RAW, Gradot.Budget.MIDDLE)
            .stay(two, 0.5, new int[] {0, 0});
    assertThat(stay.get(0)).containsExactly(true, true);
    assertThat(stay.get(1)).containsExactly(false, false);
    stay =
        new GradotChoice(1, Gradot.Units.RAW, Gradot.Budget.MIDDLE)
            .stay(two, 0.5, new int[] {1, 1});
    assertThat(stay.get(0)).containsExactly(true, false);
    assertThat(stay.get(1)).containsExactly(true, false);
  }

  /** GCS as the formula says it: the whole δ, the whole product G·δ·A, its absolute sum. */
  private static double gcs(Tensor delta, Kfac k, int[] outs, double lambda) {
    int m = delta.rows();
    int n = delta.cols();
    Tensor a = k.inputs();
    Tensor g = k.outputs();
    double l1 = 0;
    double inner = 0;
    for (int r = 0; r < m; r++) {
      for (int c = 0; c < n; c++) {
        double h = 0;
        for (int i = 0; i < m; i++) {
          double da = 0;
          for (int j = 0; j < n; j++) da += (double) delta.get(i * n + j) * a.get(j * n + c);
          h += g.get(outs[r] * g.cols() + outs[i]) * da;
        }
        l1 += Math.abs(h);
        inner += (double) k.gradient().get(outs[r] * n + c) * delta.get(r * n + c);
      }
    }
    return l1 - lambda * inner;
  }

  private Kfac.Observer seen(TransformerModel model) {
    Kfac.Observer seen = new Kfac.Observer();
    seen.run(model, path -> true, KERNELS, TEXT, 64, 8);
    return seen;
  }

  /** The n of largest score. */
  private static int[] best(double[] scores, int n, int always) {
    List<Integer> all = new ArrayList<>(IntStream.range(always, scores.length).boxed().toList());
    all.sort(Comparator.comparingDouble(i -> -scores[i]));
    return IntStream.concat(
            IntStream.range(0, always), all.stream().limit(n - always).mapToInt(i -> i))
        .sorted()
        .toArray();
  }

  @Test
  void attentionKeepsTheDirectionsOfTheLargestScore() {
    double lambda = 40;
    Kfac.Observer seen = seen(full);
    QueryKeyValue.Fused f = (QueryKeyValue.Fused) block(full, 2).attention().inputs();
    Kfac k = seen.of(((Dense) f.qkv()).weight().weight());
    Parts parts = Parts.of("p", f, block(full, 2).attention());
    Tensor w = parts.matrix(2);
    Svd svd = Svd.largest(w, 16, KERNELS, 1, "x");
    double[] scores = new double[16];
    for (int i = 0; i < 16; i++) {
      Tensor delta = Tensor.zeros(16, 16);
      for (int r = 0; r < 16; r++)
        for (int c = 0; c < 16; c++)
          delta.data()[16 * r + c] =
              (float) (-svd.values()[i] * svd.u().get(16 * i + r) * svd.v().get(16 * i + c));
      scores[i] = gcs(delta, k, parts.rows().get(2), lambda);
    }
    int[] kept = best(scores, 6, 1);
    Tensor want = Tensor.zeros(16, 16);
    for (int i : kept)
      for (int r = 0; r < 16; r++)
        for (int c = 0; c < 16; c++)
          want.data()[16 * r + c] +=
              (float) (svd.values()[i] * svd.u().get(16 * i + r) * svd.v().get(16 * i + c));
    Draft made = step("gradot:rank=0.375,units=raw,lambda-attn=" + lambda).apply(draft(full), shop);
    QueryKeyValue.Separate cut =
        (QueryKeyValue.Separate) block(made.model(), 2).attention().inputs();
    LowRank v = (LowRank) cut.v();
    assertThat(v.rank()).isEqualTo(6);
    assertThat(kept).isNotEqualTo(IntStream.range(0, 6).toArray());
    Tensor got = v.dense(KERNELS).weight().weight().toTensor();
    for (int i = 0; i < 256; i++) assertThat(got.get(i)).isCloseTo(want.get(i), within(1e-4f));
    assertThat(block(made.model(), 2).mlp()).isEqualTo(block(full, 2).mlp());
  }

  @Test
  void theFeedForwardPartKeepsTheChannelsOfTheLargestScore() {
    double lambda = 40;
    for (TransformerModel model : List.of(full, TinyModels.random(TinyModels.llama(3), 4))) {
      Kfac.Observer seen = seen(model);
      var mlp = block(model, 1).mlp();
      int width = mlp.down().in();
      double[] scores = new double[width];
      Dense down = (Dense) mlp.down();
      for (int j = 0; j < width; j++) {
        scores[j] =
            gcs(
                cleared(Parts.outIn(down), -1, j),
                seen.of(down.weight().weight()),
                IntStream.range(0, 16).toArray(),
                lambda);
        for (Projection p : java.util.Arrays.asList(mlp.gate(), mlp.up()))
          if (p instanceof Dense d)
            scores[j] +=
                gcs(
                    cleared(Parts.outIn(d), j, -1),
                    seen.of(d.weight().weight()),
                    IntStream.range(0, width).toArray(),
                    lambda);
      }
      int[] kept = best(scores, width / 4, 0);
      Draft made =
          step("gradot:channels=0.25,units=raw,lambda-mlp=" + lambda).apply(draft(model), shop);
      var narrow = block(made.model(), 1).mlp();
      assertThat(narrow.down().in()).isEqualTo(width / 4);
      Tensor wide = Parts.outIn((Dense) mlp.up());
      Tensor few = Parts.outIn((Dense) narrow.up());
      for (int i = 0; i < kept.length; i++)
        assertThat(few.slice(i, i + 1).toArray())
            .isEqualTo(wide.slice(kept[i], kept[i] + 1).toArray());
      assertThat(block(made.model(), 1).attention()).isEqualTo(block(model, 1).attention());
    }
  }

  /** −W in one row or column, 0 elsewhere. */
  private static Tensor cleared(Tensor w, int row, int column) {
    Tensor d = Tensor.zeros(w.shape());
    for (int r = 0; r < w.rows(); r++)
      for (int c = 0; c < w.cols(); c++)
        if (r == row || c == column) d.data()[r * w.cols() + c] = -w.get(r * w.cols() + c);
    return d;
  }

  // The result.

  /** A model like Llama whose gate and up are one matrix. */
  private static TransformerModel fused() {
    Spec s = TinyModels.llama(3);
    Spec.FeedForward f = s.feedForward();
    return TinyModels.random(
        new Spec(
            s.family(),
            s.vocabularySize(),
            s.context(),
            s.width(),
            s.layers(),
            s.embedding(),
            s.attention(),
            new Spec.FeedForward(f.width(), f.activation(), true, true, f.bias()),
            s.norms(),
            s.positions(),
            s.pattern(),
            s.head(),
            s.layout()),
        4);
  }

  /** Leaving a channel out is what clearing its column of the last matrix does. */
  @Test
  void aChannelThatIsGoneAddsNothing() {
    for (TransformerModel model :
        List.of(full, TinyModels.random(TinyModels.llama(3), 4), fused())) {
      Draft made = step("gradot:channels=0.5").apply(draft(model), shop);
      var wide = block(model, 1).mlp();
      var narrow = block(made.model(), 1).mlp();
      Tensor all = Parts.outIn((Dense) wide.down());
      Tensor few = Parts.outIn((Dense) narrow.down());
      int width = all.cols();
      int at = 0;
      for (int j = 0; j < width; j++) {
        boolean same = at < few.cols();
        for (int r = 0; same && r < all.rows(); r++)
          same = all.get(r * width + j) == few.get(r * few.cols() + at);
        if (same) at++;
        else for (int r = 0; r < all.rows(); r++) all.data()[r * width + j] = 0;
      }
      assertThat(at).isEqualTo(few.cols());
      var cleared =
          new dev.outpost.transformer.layer.FeedForward(
              wide.gate(),
              wide.up(),
              wide.paired(),
              wide.activation(),
              Parts.dense(all, ((Dense) wide.down()).bias(), (Dense) wide.down()));
      Tape tape = Tape.evaluating(KERNELS, new Workspace());
      Pass pass = Pass.of(tape, 1, 5);
      Tensor x = Tensor.zeros(5, 16);
      for (int i = 0; i < x.size(); i++) x.data()[i] = (float) Math.sin(i);
      float[] want = cleared.apply(pass, tape.constant(x)).value().toArray();
      float[] got = narrow.apply(pass, tape.constant(x)).value().toArray();
      for (int i = 0; i < want.length; i++) assertThat(got[i]).isCloseTo(want[i], within(1e-5f));
    }
  }

  @Test
  void narrowAndFactoredBlocksSurviveThePackage() throws Exception {
    Draft made = step("gradot:rank=0.25,channels=0.3,budget=middle").apply(draft(full), shop);
    OffsitePackage.write(
        folder,
        made.model(),
        made.split().adapterSlots(),
        BaseFingerprint.of(full),
        new Gpt2().write(full.spec(), 0),
        JsonObject.create(),
        null);
    try (OffsitePackage p = OffsitePackage.open(folder)) {
      var sent = TinyModels.numbers(made.model());
      var got = TinyModels.numbers(p.model());
      assertThat(got.keySet()).isEqualTo(sent.keySet());
      sent.forEach((name, v) -> assertThat(got.get(name)).as(name).isEqualTo(v));
    }
    Path manifest = folder.resolve("manifest.json");
    String good = Files.readString(manifest);
    assertThat(good).contains("\"width\" : ");
    Files.writeString(manifest, good.replaceFirst("\"width\" : [0-9]+", "\"width\" : 63"));
    assertThatThrownBy(() -> OffsitePackage.open(folder))
        .isInstanceOf(FormatException.class)
        .hasMessageContaining("shape");
    Files.writeString(manifest, good.replaceFirst("\"width\" : [0-9]+", "\"width\" : 0"));
    assertThatThrownBy(() -> OffsitePackage.open(folder))
        .isInstanceOf(FormatException.class)
        .hasMessageContaining("width");
  }

  @Test
  void overTheMiddleBlocksMayDifferInWidth() {
    Draft made = step("gradot:channels=0.5,budget=middle").apply(draft(full), shop);
    int sum = 0;
    for (Slot s : made.middle()) sum += ((TransformerBlock) s.block()).mlp().down().in();
    assertThat(sum).isEqualTo(3 * 32);
  }

  @Test
  void aSharedBlockStaysShared() {
    Draft shared =
        Crash.paper(java.util.Set.of(2))
            .apply(Draft.of(full, SplitPlan.parse("1-1").of(full)), shop);
    Draft made = step("gradot:rank=0.5,channels=0.5").apply(shared, shop);
    assertThat(made.middle().stream().map(Slot::block).distinct())
        .hasSize((int) shared.middle().stream().map(Slot::block).distinct().count());
  }

  @Test
  void theNumberOfThreadsChangesNothing() {
    List<TransformerModel> made = new ArrayList<>();
    for (int threads = 1; threads <= 2; threads++)
      made.add(
          step("gradot:rank=0.4,channels=0.4")
              .apply(
                  draft(full), Workshop.of(Kernels.best(Team.of(threads)), 1).withText(TEXT, null))
              .model());
    var two = TinyModels.numbers(made.get(1));
    TinyModels.numbers(made.get(0))
        .forEach((name, v) -> assertThat(v).as(name).isEqualTo(two.get(name)));
  }

  @Test
  void settingsReadBackAndAreChecked() throws Exception {
    for (String text :
        new String[] {
          "gradot:rank=0.5",
          "gradot:rank=0.5,channels=0.7,lambda-attn=2,lambda-mlp=0.5,always=0.1,units=raw,budget=middle,span=0.6,samples=3"
        }) {
      Gradot g = step(text);
      assertThat(EmulatorSteps.read(StepSettings.of(JsonObject.parse("s", g.describe().toText()))))
          .isEqualTo(g);
    }
    assertThatThrownBy(() -> step("gradot")).hasMessageContaining("not both 1");
    assertThatThrownBy(() -> step("gradot:rank=0")).hasMessageContaining("above 0");
    assertThatThrownBy(() -> step("gradot:rank=0.5,span=0.2"))
        .hasMessageContaining("span must be from rank");
    assertThatThrownBy(() -> step("gradot:rank=0.5").apply(draft(full), Workshop.of(KERNELS, 1)))
        .hasMessageContaining("needs public text");
    Draft factored =
        ((RankCompress) EmulatorSteps.read(StepSettings.parse("rank-compress:ratio=0.25")))
            .apply(draft(full), shop);
    assertThatThrownBy(() -> step("gradot:rank=0.2").apply(factored, shop))
        .hasMessageContaining("do gradot before rank-compress");
  }
}

package dev.outpost.transformer.peft;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import dev.outpost.autograd.GradCheck;
import dev.outpost.autograd.Tape;
import dev.outpost.autograd.op.Linear;
import dev.outpost.tensor.Tensor;
import dev.outpost.tensor.kernel.Kernels;
import dev.outpost.tensor.memory.Workspace;
import dev.outpost.tensor.weight.HeapWeight;
import dev.outpost.transformer.Golden;
import dev.outpost.transformer.Input;
import dev.outpost.transformer.TinyModels;
import dev.outpost.transformer.TransformerModel;
import dev.outpost.transformer.layer.Dense;
import dev.outpost.transformer.layer.TokenEmbeddings;
import dev.outpost.transformer.load.ModelFolder;
import dev.outpost.transformer.module.KvCache;
import dev.outpost.transformer.module.Parameter;
import dev.outpost.transformer.module.Pass;
import dev.outpost.transformer.module.Projection;
import java.io.IOException;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.Objects;
import java.util.Set;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/** What stands on a projection, by its formula and its gradients; and where a prompt stands. */
class WrappersTest {
  private static final Kernels FAST = TinyModels.best();
  private static final HeapWeight X = GradCheck.normal(1, 6, 5);
  private static final HeapWeight A = GradCheck.normal(2, 2, 5);
  private static final HeapWeight B = GradCheck.normal(3, 7, 2);
  private static final HeapWeight M = GradCheck.normal(4, 7);

  private static Dense base(Linear.Layout layout) {
    HeapWeight w =
        layout == Linear.Layout.IN_OUT ? GradCheck.normal(5, 5, 7) : GradCheck.normal(5, 7, 5);
    return new Dense(Parameter.frozen(w), Parameter.frozen(GradCheck.normal(6, 7)), layout);
  }

  private static Parameter learnt(HeapWeight w) {
    return Parameter.trainable(w);
  }

  private static Lora lora(Linear.Layout layout) {
    return new Lora(base(layout), learnt(A), learnt(B), 0.75f, 0);
  }

  private static Dora dora(Linear.Layout layout) {
    return Dora.of(lora(layout), base(layout), learnt(M));
  }

  private static void check(String name, Projection p, HeapWeight... learnt) {
    HeapWeight[] inputs = new HeapWeight[learnt.length + 1];
    inputs[0] = X;
    System.arraycopy(learnt, 0, inputs, 1, learnt.length);
    GradCheck.checkLeaves(
        name,
        5,
        FAST,
        (t, in) -> {
          try (Tape.Scope scope = t.scope()) {
            return scope.keep(p.apply(Pass.of(t, 6, 1), "p", in.get(0)));
          }
        },
        inputs);
  }

  @ParameterizedTest
  @EnumSource
  void gradientsOfLora(Linear.Layout layout) {
    check("lora", lora(layout), A, B);
  }

  /** With the norms as they stand, which are constants on the way back. */
  @ParameterizedTest
  @EnumSource
  void gradientsOfDora(Linear.Layout layout) {
    Dora d = dora(layout);
    float[] norms = d.norms(Kernels.scalar());
    GradCheck.checkLeaves(
        "dora",
        6,
        FAST,
        (t, in) -> {
          try (Tape.Scope scope = t.scope()) {
            return scope.keep(d.apply(Pass.of(t, 6, 1), "p", in.get(0), norms));
          }
        },
        X,
        A,
        B,
        M);
  }

  @ParameterizedTest
  @EnumSource
  void gradientsOfIa3(Linear.Layout layout) {
    check("ia3 of outputs", new Ia3(base(layout), learnt(M), false), M);
    HeapWeight inputs = GradCheck.normal(7, 5);
    check("ia3 of inputs", new Ia3(base(layout), learnt(inputs), true), inputs);
  }

  @Test
  void gradientsOfABottleneck() {
    HeapWeight down = GradCheck.normal(8, 3, 7);
    // Far from 0, so that a step does not cross ReLU's corner.
    HeapWeight downBias = HeapWeight.of(Tensor.of(dev.outpost.tensor.Shape.of(3), 40, 40, -40));
    HeapWeight up = GradCheck.normal(9, 7, 3);
    HeapWeight upBias = GradCheck.normal(10, 7);
    Dense inner = new Dense(learnt(down), learnt(downBias), Linear.Layout.OUT_IN);
    Dense outer = new Dense(learnt(up), learnt(upBias), Linear.Layout.OUT_IN);
    check(
        "bottleneck",
        new Bottleneck(base(Linear.Layout.OUT_IN), inner, outer, 0),
        down,
        downBias,
        up,
        upBias);
  }

  @ParameterizedTest
  @EnumSource
  void doraIsTheFormulaOfThePaper(Linear.Layout layout) {
    Dora d = dora(layout);
    Tensor w = d.lora().merge(Kernels.scalar()).weight().weight().toTensor();
    Tensor bias = Objects.requireNonNull(base(layout).bias()).weight().toTensor();
    double[] want = new double[6 * 7];
    for (int o = 0; o < 7; o++) {
      double square = 0;
      for (int i = 0; i < 5; i++) square += Math.pow(at(w, layout, o, i), 2);
      for (int n = 0; n < 6; n++) {
        double sum = 0;
        for (int i = 0; i < 5; i++) sum += at(w, layout, o, i) * X.tensor().get(n * 5 + i);
        want[n * 7 + o] = M.tensor().get(o) * sum / Math.sqrt(square) + bias.get(o);
      }
    }
    for (Kernels k : TinyModels.kernels())
      for (Projection p : List.of(d, d.merge(k))) {
        Pass pass = Pass.of(Tape.evaluating(k, new Workspace()), 6, 1);
        float[] got = p.apply(pass, "p", pass.tape().constant(X.tensor())).value().toArray();
        // Numbers of about 3, each of a few roundings.
        for (int i = 0; i < want.length; i++)
          assertThat((double) got[i]).isCloseTo(want[i], within(1e-5));
      }
  }

  private static double at(Tensor w, Linear.Layout layout, int out, int in) {
    return layout == Linear.Layout.OUT_IN ? w.get(out * 5 + in) : w.get(in * 7 + out);
  }

  @Test
  void aRowOfZerosStaysZeroUntilItsUpdateComes() {
    Dense zero =
        new Dense(Parameter.frozen(HeapWeight.of(Tensor.zeros(7, 5))), null, Linear.Layout.OUT_IN);
    Dora d = Dora.on(zero, LoraConfig.dora(2), "p", 1);
    Pass pass = Pass.of(Tape.evaluating(FAST, new Workspace()), 6, 1);
    assertThat(d.apply(pass, "p", pass.tape().constant(X.tensor())).value().toArray())
        .containsOnly(0);
  }

  /** Tokens behind a prompt of token rows are tokens behind those tokens. */
  @Test
  void aPromptOfTokensIsThoseTokens() {
    for (TransformerModel model :
        List.of(TinyModels.random(2, 8), TinyModels.random(TinyModels.llama(2), 8))) {
      TransformerModel prompted = Attach.attach(model, Set.of("blocks.0"), new PromptConfig(3), 1);
      int[] told = {7, 3, 11};
      TokenEmbeddings e = (TokenEmbeddings) model.embeddings();
      Pass rows = Pass.of(Tape.evaluating(FAST, new Workspace()), 1, 3);
      Tensor values = Tensor.zeros(3, 16);
      values.copyFrom(e.rows(rows, told).value());
      prompted = prompted.withEmbeddings(e.withPrompt(Parameter.frozen(HeapWeight.of(values))));
      assertThat(prompted.spec().context()).isEqualTo(21);
      int[] ids = TinyModels.tokens(2 * 5, 23, 4);
      int[] whole = new int[16];
      for (int b = 0; b < 2; b++) {
        System.arraycopy(told, 0, whole, b * 8, 3);
        System.arraycopy(ids, b * 5, whole, b * 8 + 3, 5);
      }
      Tensor want = hidden(model, Pass.of(Tape.evaluating(FAST, new Workspace()), 2, 8), whole);
      Tensor got = hidden(prompted, Pass.of(Tape.evaluating(FAST, new Workspace()), 2, 5), ids);
      for (int b = 0; b < 2; b++)
        for (int t = 0; t < 5; t++)
          assertThat(got.slice(b * 5 + t, b * 5 + t + 1).toArray())
              .isEqualTo(want.slice(b * 8 + 3 + t, b * 8 + 4 + t).toArray());
      // Padding behind a sequence is behind the prompt too.
      Pass padded =
          Pass.of(Tape.evaluating(FAST, new Workspace()), 2, 5).ofLengths(new int[] {5, 2});
      Tensor some = hidden(prompted, padded, ids);
      assertThat(some.slice(0, 7).toArray()).isEqualTo(got.slice(0, 7).toArray());
    }
  }

  private static Tensor hidden(TransformerModel model, Pass pass, int[] ids) {
    return model.hidden(pass, Input.of(ids)).value();
  }

  @Test
  void aPromptTakesItsPositionsFromTheContext() {
    TransformerModel prompted =
        Attach.attach(TinyModels.random(2, 8), Set.of("blocks.0"), new PromptConfig(20), 1);
    Pass fits = Pass.of(Tape.evaluating(FAST, new Workspace()), 1, 4);
    assertThat(hidden(prompted, fits, new int[4]).rows()).isEqualTo(4);
    Pass more = Pass.of(Tape.evaluating(FAST, new Workspace()), 1, 5);
    assertThatThrownBy(() -> hidden(prompted, more, new int[5]))
        .hasMessageContainingAll("at most 4 tokens", "5 tokens");
    KvCache cache = KvCache.of(FAST, 1, 4);
    Pass cached = Pass.of(Tape.evaluating(FAST, new Workspace()), 1, 2).with(cache);
    hidden(prompted, cached, new int[2]);
    assertThat(cache.length()).isEqualTo(2);
    assertThat(cache.held()).isEqualTo(22);
    cache.truncate(0);
    assertThat(cache.held()).isEqualTo(20);
    assertThat(cache.repeated(3).held()).isEqualTo(20);
  }

  @Test
  void aPromptThatWouldChangeTheAnglesOfALongTextIsRefused(@TempDir Path temporary)
      throws IOException {
    try (ModelFolder f = ModelFolder.open(Golden.unpack("phi3-longrope-f32", temporary).folder())) {
      assertThatThrownBy(() -> Attach.attach(f.model(), Set.of("blocks.0"), new PromptConfig(1), 1))
          .isInstanceOf(IllegalArgumentException.class)
          .hasMessageContainingAll("text's length", "prefix");
      assertThat(Attach.attach(f.model(), Set.of("blocks.0"), new PrefixConfig(1), 1).count(true))
          .isPositive();
    }
  }

  @Test
  void targetsAreNamesEndsAndStars() {
    Targets t = Targets.of("lora", List.of("attn.q", "down", "mlp.g*"));
    assertThat(List.of("attn.q", "attn.k", "mlp.down", "mlp.gate", "mlp.up", "attn.qkv"))
        .filteredOn(n -> t.match("blocks.0", n))
        .containsExactly("attn.q", "mlp.down", "mlp.gate");
    t.requireMatched(List.of());
    assertThatThrownBy(() -> new LoraConfig(1, 1, 0, Arrays.asList("attn.q", "(a+)+")))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessageContainingAll("(a+)+", "attn.*");
  }

  @Test
  void theRankStabilisedScaleIsAlphaOverTheRoot() {
    assertThat(new LoraConfig(16, 8, 0, List.of("down"), true, false).scale()).isEqualTo(2);
  }
}

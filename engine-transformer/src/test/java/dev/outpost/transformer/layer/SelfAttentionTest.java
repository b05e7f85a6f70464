package dev.outpost.transformer.layer;

import static org.assertj.core.api.Assertions.assertThat;

import dev.outpost.autograd.Gradients;
import dev.outpost.autograd.Tape;
import dev.outpost.autograd.Var;
import dev.outpost.autograd.op.Linear;
import dev.outpost.tensor.Tensor;
import dev.outpost.tensor.kernel.AttentionScores;
import dev.outpost.tensor.kernel.Kernels;
import dev.outpost.tensor.kernel.RotaryPairing;
import dev.outpost.tensor.memory.Workspace;
import dev.outpost.tensor.random.RandomStream;
import dev.outpost.tensor.weight.HeapWeight;
import dev.outpost.transformer.Golden;
import dev.outpost.transformer.TinyModels;
import dev.outpost.transformer.module.KvCache;
import dev.outpost.transformer.module.Parameter;
import dev.outpost.transformer.module.Pass;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** One fused projection and three of their own are the same function. */
class SelfAttentionTest {
  private static final int C = 16;
  private static final int D = 6;
  private static final int HEADS = 4;
  private static final int KV = 2;
  private static final int BATCH = 2;
  private static final int TIME = 5;

  private final Tensor q = numbers("q", HEADS * D);
  private final Tensor k = numbers("k", KV * D);
  private final Tensor v = numbers("v", KV * D);
  private final Dense out = dense(numbers("out", C, HEADS * D));
  private final HeapWeight x = HeapWeight.of(numbers("x", BATCH * TIME, C));
  private final HeapWeight fused = fused();

  @ParameterizedTest
  @ValueSource(booleans = {false, true})
  void fusedAndSeparateProjectionsAgreeInValueAndGradient(boolean turned) {
    RotaryTable rotary = turned ? new RotaryTable(100, D / 2, RotaryPairing.HALVES) : null;
    SelfAttention one = attention(new QueryKeyValue.Fused(dense(fused), 0), rotary);
    SelfAttention three = attention(separate(), rotary);
    for (Kernels kernels : TinyModels.kernels()) {
      Tensor dOne = Tensor.zeros(BATCH * TIME, C);
      Tensor dThree = Tensor.zeros(BATCH * TIME, C);
      Tensor yOne = run(kernels, one, dOne);
      assertThat(Golden.far(yOne, run(kernels, three, dThree))).isLessThan(1e-6);
      assertThat(Golden.far(dOne, dThree)).isLessThan(2e-6);
    }
  }

  @Test
  void aCacheHoldsTheKeysOfBoth() {
    RotaryTable rotary = new RotaryTable(100, D / 2, RotaryPairing.HALVES);
    for (QueryKeyValue inputs : List.of(new QueryKeyValue.Fused(dense(fused), 0), separate())) {
      SelfAttention attention = attention(inputs, rotary);
      Kernels kernels = TinyModels.best();
      Tensor want = run(kernels, attention, Tensor.zeros(BATCH * TIME, C));
      KvCache cache = KvCache.of(kernels, BATCH, TIME);
      for (int t = 0; t < TIME; t++) {
        Tape tape = Tape.evaluating(kernels, new Workspace());
        Tensor rows = Tensor.zeros(BATCH, C);
        for (int b = 0; b < BATCH; b++)
          rows.slice(b, b + 1).copyFrom(x.tensor().slice(b * TIME + t, b * TIME + t + 1));
        Pass pass = Pass.of(tape, BATCH, 1).in("blocks.0").with(cache);
        Tensor got = attention.apply(pass, tape.constant(rows)).value();
        cache.advance(1);
        for (int b = 0; b < BATCH; b++)
          assertThat(Golden.far(got.slice(b, b + 1), want.slice(b * TIME + t, b * TIME + t + 1)))
              .isLessThan(2e-6);
      }
    }
  }

  private Tensor run(Kernels kernels, SelfAttention attention, Tensor dx) {
    Tape tape = Tape.recording(kernels, new Workspace());
    Var y = attention.apply(Pass.of(tape, BATCH, TIME), tape.leaf(x, true));
    Tensor value = Tensor.of(y.shape(), y.value().toArray());
    Tensor dy = tape.workspace().take(y.shape());
    dy.copyFrom(numbers("dy", BATCH * TIME, C));
    Gradients gradients = new Gradients();
    tape.backward(y, dy, gradients, List.of());
    dx.copyFrom(gradients.get(x));
    return value;
  }

  private SelfAttention attention(QueryKeyValue inputs, RotaryTable rotary) {
    return new SelfAttention(inputs, out, HEADS, KV, D, AttentionScores.causal(D), rotary);
  }

  private QueryKeyValue separate() {
    return new QueryKeyValue.Separate(dense(q), dense(k), dense(v), null);
  }

  private HeapWeight fused() {
    Tensor all = Tensor.zeros((HEADS + 2 * KV) * D, C);
    all.slice(0, HEADS * D).copyFrom(q);
    all.slice(HEADS * D, (HEADS + KV) * D).copyFrom(k);
    all.slice((HEADS + KV) * D, (HEADS + 2 * KV) * D).copyFrom(v);
    return HeapWeight.of(all);
  }

  private static Dense dense(Tensor w) {
    return dense(HeapWeight.of(w));
  }

  private static Dense dense(HeapWeight w) {
    return new Dense(Parameter.frozen(w), null, Linear.Layout.OUT_IN);
  }

  private static Tensor numbers(String name, int rows) {
    return numbers(name, rows, C);
  }

  private static Tensor numbers(String name, int rows, int cols) {
    RandomStream stream = RandomStream.of(5, name);
    Tensor t = Tensor.zeros(rows, cols);
    for (int i = 0; i < t.size(); i++) t.data()[i] = 0.5f * (float) stream.nextGaussian();
    return t;
  }
}

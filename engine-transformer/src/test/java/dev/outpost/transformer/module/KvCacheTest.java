package dev.outpost.transformer.module;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.outpost.autograd.Tape;
import dev.outpost.tensor.Tensor;
import dev.outpost.tensor.kernel.AttentionScores;
import dev.outpost.tensor.kernel.AttentionShape;
import dev.outpost.tensor.kernel.HeadView;
import dev.outpost.tensor.kernel.Kernels;
import dev.outpost.tensor.memory.Workspace;
import dev.outpost.transformer.Golden;
import dev.outpost.transformer.TinyModels;
import dev.outpost.transformer.TransformerModel;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

class KvCacheTest {
  private final TransformerModel model = TinyModels.random(3, 2);

  /** Pieces of the sequence, computed one after another over a cache. */
  @ParameterizedTest
  @ValueSource(strings = {"1 1 1 1 1 1 1 1 1 1 1 1", "5 1 1 1 1 1 1 1", "3 4 5", "1 11", "12"})
  void piecesOverACacheGiveTheScoresOfTheWhole(String pieces) {
    piecesGiveTheWhole(model, pieces);
    piecesGiveTheWhole(TinyModels.random(TinyModels.llama(3), 2), pieces);
  }

  private static void piecesGiveTheWhole(TransformerModel model, String pieces) {
    int[] sizes = java.util.Arrays.stream(pieces.split(" ")).mapToInt(Integer::parseInt).toArray();
    for (Kernels k : TinyModels.kernels()) {
      for (int batch : new int[] {1, 2}) {
        int[] ids = TinyModels.tokens(batch * 12, 23, 6);
        Tensor want = scores(model, Pass.of(Tape.evaluating(k, new Workspace()), batch, 12), ids);
        KvCache cache = KvCache.of(k, batch, 12);
        int from = 0;
        for (int size : sizes) {
          Pass pass = Pass.of(Tape.evaluating(k, new Workspace()), batch, size).with(cache);
          Tensor got = scores(model, pass, piece(ids, batch, from, size));
          for (int b = 0; b < batch; b++) {
            Tensor rows = want.slice(b * 12 + from, b * 12 + from + size);
            assertThat(Golden.far(got.slice(b * size, (b + 1) * size), rows))
                .as(k.name())
                .isLessThan(2e-6);
          }
          from += size;
          assertThat(cache.length()).isEqualTo(from);
        }
      }
    }
  }

  @Test
  void aCacheThatGrowsKeepsWhatItHolds() {
    Kernels k = TinyModels.best();
    int[] ids = TinyModels.tokens(2 * 24, 23, 6);
    Tensor want = scores(Pass.of(Tape.evaluating(k, new Workspace()), 2, 24), ids);
    KvCache cache = KvCache.of(k, 2, 24);
    for (int from = 0; from < 24; from += 6) {
      Pass pass = Pass.of(Tape.evaluating(k, new Workspace()), 2, 6).with(cache);
      Tensor got = scores(model, pass, piece(ids, 2, from, 6));
      for (int b = 0; b < 2; b++)
        assertThat(
                Golden.far(
                    got.slice(b * 6, (b + 1) * 6), want.slice(b * 24 + from, b * 24 + from + 6)))
            .isLessThan(2e-6);
    }
  }

  /** Whatever the scores: position by position over the cache as all at once. */
  @ParameterizedTest
  @CsvSource({"0, 0, false", "1, 0, false", "5, 0, false", "0, 2, true", "5, 2, true"})
  void attentionOverACacheSeesWhatItSeesInTheWhole(int window, float cap, boolean slopes) {
    int time = 40;
    AttentionScores scores =
        AttentionScores.causal(8)
            .withWindow(window)
            .withSoftcap(cap)
            .withSlopes(slopes ? AttentionScores.alibi(4) : null);
    Tensor qkv = Tensor.zeros(2 * time, 4 * 8 + 2 * 2 * 8);
    Random random = new Random(9);
    for (int i = 0; i < qkv.size(); i++) qkv.data()[i] = (float) random.nextGaussian();
    HeadView q = HeadView.of(qkv, time, 0);
    HeadView keys = HeadView.of(qkv, time, 32);
    HeadView values = HeadView.of(qkv, time, 48);
    for (Kernels k : TinyModels.kernels()) {
      Tensor want = Tensor.zeros(2 * time, 32);
      AttentionShape whole = new AttentionShape(2, time, time, 4, 2, 8, scores);
      Tensor lse = Tensor.zeros(2, 4, time);
      k.attention(whole, q, keys, values, HeadView.of(want, time, 0), lse);
      KvCache cache = KvCache.of(k, 2, time);
      for (int t = 0; t < time; t++) {
        KvCache.Entry past = cache.append("attn", row(keys, t), row(values, t), 16, 1);
        AttentionShape step = new AttentionShape(2, 1, t + 1, 4, 2, 8, scores);
        Tensor got = Tensor.zeros(2, 32);
        HeadView out = HeadView.of(got, 1, 0);
        k.attention(step, row(q, t), past.keys(), past.values(), out, Tensor.zeros(2, 4, 1));
        for (int b = 0; b < 2; b++)
          assertThat(Golden.far(got.slice(b, b + 1), want.slice(b * time + t, b * time + t + 1)))
              .as("%s, position %s of sequence %s", k.name(), t, b)
              .isLessThan(2e-6);
        cache.advance(1);
      }
    }
  }

  /** The views of one position. */
  private static HeadView row(HeadView all, int t) {
    return new HeadView(all.data(), all.at(0, t, 0, 0), all.batchStride(), all.rowStride());
  }

  @Test
  void afterTruncationTheSequenceGoesOnFromThere() {
    Kernels k = TinyModels.best();
    int[] ids = TinyModels.tokens(8, 23, 1);
    KvCache cache = KvCache.of(k, 1, 8);
    scores(
        Pass.of(Tape.evaluating(k, new Workspace()), 1, 8).with(cache),
        TinyModels.tokens(8, 23, 2));
    cache.truncate(0);
    scores(Pass.of(Tape.evaluating(k, new Workspace()), 1, 6).with(cache), piece(ids, 1, 0, 6));
    cache.truncate(4);
    Tensor got =
        scores(Pass.of(Tape.evaluating(k, new Workspace()), 1, 4).with(cache), piece(ids, 1, 4, 4));
    Tensor want = scores(Pass.of(Tape.evaluating(k, new Workspace()), 1, 8), ids);
    assertThat(Golden.far(got, want.slice(4, 8))).isLessThan(2e-6);
    assertThatThrownBy(() -> cache.truncate(9))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessageContaining("8 positions to 9");
  }

  @Test
  void positionsBeyondTheCapacityAreRefused() {
    Kernels k = TinyModels.best();
    Pass pass = Pass.of(Tape.evaluating(k, new Workspace()), 1, 5).with(KvCache.of(k, 1, 4));
    assertThatThrownBy(() -> model.hidden(pass, new int[5]))
        .isInstanceOf(IllegalStateException.class)
        .hasMessageContainingAll("5 positions", "capacity of 4");
  }

  @Test
  void trainingOverACacheIsRefused() {
    Kernels k = TinyModels.best();
    Pass pass = Pass.of(Tape.recording(k, new Workspace()), 1, 2).with(KvCache.of(k, 1, 4));
    assertThatThrownBy(() -> model.hidden(pass, new int[2]))
        .isInstanceOf(IllegalStateException.class)
        .hasMessageContaining("recording tape");
  }

  private Tensor scores(Pass pass, int[] ids) {
    return scores(model, pass, ids);
  }

  private static Tensor scores(TransformerModel model, Pass pass, int[] ids) {
    return model.logits(pass, model.hidden(pass, ids), 0, ids.length);
  }

  private static int[] piece(int[] ids, int batch, int from, int size) {
    int[] out = new int[batch * size];
    for (int b = 0; b < batch; b++)
      System.arraycopy(ids, b * ids.length / batch + from, out, b * size, size);
    return out;
  }
}

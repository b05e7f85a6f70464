package dev.outpost.autograd.op;

import dev.outpost.autograd.GradCheck;
import dev.outpost.autograd.Recompute;
import dev.outpost.autograd.Var;
import dev.outpost.tensor.Tensor;
import dev.outpost.tensor.kernel.AttentionScores;
import dev.outpost.tensor.kernel.AttentionShape;
import dev.outpost.tensor.kernel.Kernels;
import dev.outpost.tensor.kernel.RotaryShape;
import dev.outpost.tensor.kernel.Team;
import dev.outpost.tensor.kernel.UnaryMap;
import dev.outpost.tensor.weight.HeapWeight;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.EnumSource;

class GradientsOfOpsTest {
  private static final Team TEAM = Team.of(2);
  private static final Kernels FAST = Kernels.best(TEAM);

  @AfterAll
  static void stop() {
    TEAM.close();
  }

  private static HeapWeight normal(long seed, int... dims) {
    return GradCheck.normal(seed, dims);
  }

  @ParameterizedTest
  @EnumSource(Linear.Layout.class)
  void linear(Linear.Layout layout) {
    HeapWeight w = layout == Linear.Layout.IN_OUT ? normal(2, 5, 7) : normal(2, 7, 5);
    GradCheck.check(
        "linear",
        11,
        FAST,
        (t, in) -> Linear.linear(t, "w", in.get(0), in.get(1), in.get(2), layout),
        normal(1, 6, 5),
        w,
        normal(3, 7));
    GradCheck.check(
        "linear without bias",
        12,
        FAST,
        (t, in) -> Linear.linear(t, "w", in.get(0), in.get(1), null, layout),
        normal(1, 2, 3, 5),
        w);
  }

  @Test
  void embedding() {
    int[] ids = {3, 0, 3, 5, 3, 1};
    GradCheck.checkLeaves(
        "embedding", 13, FAST, (t, in) -> Embedding.embedding(t, in.get(0), ids), normal(1, 6, 4));
  }

  @Test
  void embeddingOfOneRow() {
    int[] ids = {0, 0, 0};
    GradCheck.checkLeaves(
        "class token",
        41,
        FAST,
        (t, in) -> Embedding.embedding(t, in.get(0), ids),
        normal(1, 1, 1, 4));
  }

  @ParameterizedTest
  @CsvSource({"1, 1, 4, 4, 2", "2, 3, 6, 9, 3", "3, 2, 7, 5, 3"})
  void patches(int batch, int channels, int height, int width, int size) {
    Tensor images = normal(9, batch, channels, height, width).tensor();
    HeapWeight w = normal(1, 5, channels, size, size);
    GradCheck.checkLeaves(
        "patches",
        42,
        FAST,
        (t, in) -> Patches.patches(t, images, in.get(0), in.get(1)),
        w,
        normal(2, 5));
    GradCheck.checkLeaves(
        "patches without bias",
        43,
        FAST,
        (t, in) -> Patches.patches(t, images, in.get(0), null),
        w);
  }

  @Test
  void joinAndRows() {
    GradCheck.check(
        "join",
        44,
        FAST,
        (t, in) -> Join.join(t, in.get(0), in.get(1), 3),
        normal(1, 6, 4),
        normal(2, 9, 4));
    int[] rows = {4, 0, 4, 2};
    GradCheck.check("rows", 45, FAST, (t, in) -> Rows.rows(t, in.get(0), rows), normal(1, 5, 7));
  }

  @Test
  void addAndMultiplyAndScaleAndSum() {
    HeapWeight a = normal(1, 4, 9);
    HeapWeight b = normal(2, 4, 9);
    GradCheck.check("add", 14, FAST, (t, in) -> Add.add(t, in.get(0), in.get(1)), a, b);
    GradCheck.check("a + a", 15, FAST, (t, in) -> Add.add(t, in.get(0), in.get(0)), a);
    GradCheck.check(
        "multiply", 16, FAST, (t, in) -> Multiply.multiply(t, in.get(0), in.get(1)), a, b);
    GradCheck.check("a·a", 17, FAST, (t, in) -> Multiply.multiply(t, in.get(0), in.get(0)), a);
    GradCheck.check("scale", 18, FAST, (t, in) -> Scale.scale(t, in.get(0), -1.5f), a);
    GradCheck.check("sum", 19, FAST, (t, in) -> Sum.sum(t, in.get(0)), a);
  }

  @Test
  void proximal() {
    Tensor anchor = normal(3, 4, 9).tensor();
    Tensor slope = normal(4, 4, 9).tensor();
    GradCheck.checkLeaves(
        "proximal",
        46,
        FAST,
        (t, in) -> Proximal.proximal(t, in.get(0), anchor, 0.7f, null),
        normal(1, 4, 9));
    GradCheck.checkLeaves(
        "proximal with a slope, twice",
        47,
        FAST,
        (t, in) ->
            Add.add(
                t,
                Proximal.proximal(t, in.get(0), anchor, 0, slope),
                Proximal.proximal(t, in.get(0), anchor, 1.5f, slope)),
        normal(1, 4, 9));
  }

  @ParameterizedTest
  @EnumSource(UnaryMap.class)
  void activation(UnaryMap op) {
    HeapWeight x = normal(1, 5, 13);
    // ReLU has no derivative at 0: stay further away than the difference steps.
    float[] data = x.tensor().data();
    for (int i = 0; i < data.length; i++) data[i] += Math.copySign(0.1f, data[i]);
    GradCheck.check(op.name(), 20, FAST, (t, in) -> Activation.activation(t, op, in.get(0)), x);
  }

  @Test
  void layerNorm() {
    GradCheck.check(
        "layerNorm",
        21,
        FAST,
        (t, in) -> LayerNorm.layerNorm(t, in.get(0), in.get(1), in.get(2), 1e-5f),
        normal(1, 5, 12),
        normal(2, 12),
        normal(3, 12));
  }

  @Test
  void rmsNorm() {
    GradCheck.check(
        "rmsNorm",
        32,
        FAST,
        (t, in) -> RmsNorm.rmsNorm(t, in.get(0), in.get(1), 1e-5f),
        normal(1, 5, 12),
        normal(2, 12));
    GradCheck.check(
        "rmsNorm of many rows",
        33,
        FAST,
        (t, in) -> RmsNorm.rmsNorm(t, in.get(0), in.get(1), 1e-5f),
        normal(1, 67, 5),
        normal(2, 5));
  }

  @ParameterizedTest
  @CsvSource({"1, 4, 0, 1, 4, 2, 0", "2, 3, 5, 3, 6, 3, 0", "2, 2, 1, 2, 7, 2, 5"})
  void rotary(int batch, int time, int past, int heads, int headDim, int pairs, int beside) {
    RotaryShape s = new RotaryShape(batch, time, past, heads, headDim, pairs);
    Tensor angles = normal(9, past + time + 1, 2 * pairs).tensor();
    // Any numbers do for the derivative, but only a rotation is its own transposed inverse.
    for (int r = 0; r < angles.rows(); r++)
      for (int i = 0; i < pairs; i++) {
        double angle = angles.get(r * 2 * pairs + i);
        angles.data()[r * 2 * pairs + i] = (float) Math.cos(angle);
        angles.data()[r * 2 * pairs + pairs + i] = (float) Math.sin(angle);
      }
    GradCheck.check(
        s.toString(),
        34,
        FAST,
        (t, in) -> Rotary.rotary(t, s, angles, in.get(0)),
        normal(1, batch * time, heads * headDim + beside));
  }

  @ParameterizedTest
  @EnumSource(UnaryMap.class)
  void gate(UnaryMap op) {
    HeapWeight gate = normal(1, 5, 13);
    // As for the activations themselves: away from ReLU's corner.
    float[] data = gate.tensor().data();
    for (int i = 0; i < data.length; i++) data[i] += Math.copySign(0.1f, data[i]);
    GradCheck.check(
        "gate " + op,
        35,
        FAST,
        (t, in) -> Gate.gate(t, op, in.get(0), in.get(1)),
        gate,
        normal(2, 5, 13));
  }

  @ParameterizedTest
  @CsvSource({"2, 5, 3, 4, true", "1, 7, 2, 8, false", "3, 1, 1, 2, true"})
  void fusedAttention(int batch, int time, int heads, int headDim, boolean causal) {
    AttentionShape s = new AttentionShape(batch, time, time, heads, heads, headDim, 0.4f, causal);
    GradCheck.check(
        "attention " + s,
        22,
        FAST,
        (t, in) -> Attention.attention(t, s, in.get(0)),
        normal(1, batch * time, 3 * heads * headDim));
  }

  @Test
  void fusedAttentionWithFewerKeyHeads() {
    AttentionShape s = new AttentionShape(2, 5, 5, 4, 2, 3, 0.5f, true);
    GradCheck.check(
        "attention " + s,
        23,
        FAST,
        (t, in) -> Attention.attention(t, s, in.get(0)),
        normal(1, 10, 8 * 3));
  }

  @ParameterizedTest
  @CsvSource({"2, 3, 5, 4, 2, 4, true", "1, 6, 6, 2, 2, 3, true", "2, 4, 3, 2, 1, 5, false"})
  void separateAttention(
      int batch, int queries, int keys, int heads, int kvHeads, int headDim, boolean causal) {
    AttentionShape s =
        new AttentionShape(batch, queries, keys, heads, kvHeads, headDim, 0.6f, causal);
    GradCheck.check(
        "attention " + s,
        24,
        FAST,
        (t, in) -> Attention.attention(t, s, in.get(0), in.get(1), in.get(2)),
        normal(1, batch * queries, heads * headDim),
        normal(2, batch * keys, kvHeads * headDim),
        normal(3, batch * keys, kvHeads * headDim));
  }

  @ParameterizedTest
  @CsvSource({
    "5, 5, true, 2, 0, false, false",
    "4, 6, false, 2, 0, false, false",
    "5, 5, true, 0, 0.9, false, false",
    "4, 5, true, 0, 0, true, false",
    "5, 5, false, 0, 0, false, true",
    "3, 6, true, 3, 0.9, true, true",
    "11, 12, false, 4, 0.9, true, true"
  })
  void attentionOfEveryChoice(
      int queries,
      int keys,
      boolean causal,
      int window,
      float softcap,
      boolean slopes,
      boolean lengths) {
    AttentionScores scores =
        new AttentionScores(
            0.6f, causal, window, softcap, slopes ? AttentionScores.alibi(4) : null);
    AttentionShape s =
        new AttentionShape(2, queries, keys, 4, 2, 3, scores)
            .withLengths(lengths ? new int[] {keys, 2} : null);
    GradCheck.check(
        "attention " + s,
        36,
        FAST,
        (t, in) -> Attention.attention(t, s, in.get(0), in.get(1), in.get(2)),
        normal(1, 2 * queries, 4 * 3),
        normal(2, 2 * keys, 2 * 3),
        normal(3, 2 * keys, 2 * 3));
  }

  @ParameterizedTest
  @CsvSource({
    "5, 5, true, 0, 0, false, 1",
    "5, 5, true, 2, 0, false, 3",
    "3, 6, true, 0, 0.9, true, 4",
    "11, 12, false, 0, 0, false, 2"
  })
  void prefixAttention(
      int queries,
      int keys,
      boolean causal,
      int window,
      float softcap,
      boolean slopes,
      int prefix) {
    AttentionScores scores =
        new AttentionScores(
            0.6f, causal, window, softcap, slopes ? AttentionScores.alibi(4) : null);
    AttentionShape s =
        new AttentionShape(2, queries, keys, 4, 2, 3, scores).withLengths(new int[] {keys, 2});
    GradCheck.check(
        "prefix attention " + s,
        47,
        FAST,
        (t, in) ->
            PrefixAttention.attention(t, s, in.get(0), in.get(1), in.get(2), in.get(3), in.get(4)),
        normal(1, 2 * queries, 4 * 3),
        normal(2, 2 * keys, 2 * 3),
        normal(3, 2 * keys, 2 * 3),
        normal(4, prefix, 2 * 3),
        normal(5, prefix, 2 * 3));
  }

  @Test
  void scaleColumns() {
    GradCheck.check(
        "scaleColumns",
        48,
        FAST,
        (t, in) -> ScaleColumns.scaleColumns(t, in.get(0), in.get(1)),
        normal(1, 6, 5),
        normal(2, 5));
  }

  @Test
  void divide() {
    float[] by = {2, -0.5f, 3, 1};
    GradCheck.check("divide", 49, FAST, (t, in) -> Divide.divide(t, in.get(0), by), normal(1, 4));
  }

  @Test
  void attentionOfOneValueAsQueryKeyAndValue() {
    AttentionShape s = AttentionShape.causal(2, 4, 2, 3);
    GradCheck.check(
        "self attention",
        25,
        FAST,
        (t, in) -> Attention.attention(t, s, in.get(0), in.get(0), in.get(0)),
        normal(1, 8, 6));
  }

  @Test
  void dropout() {
    GradCheck.check(
        "dropout", 26, FAST, (t, in) -> Dropout.dropout(t, in.get(0), 0.3f, 99), normal(1, 8, 9));
  }

  @ParameterizedTest
  @CsvSource({"1", "2", "3", "5", "100"})
  void linearCrossEntropy(int chunkRows) {
    int[] targets = {2, -100, 0, 10, -1, 4, 4};
    GradCheck.check(
        "linearCrossEntropy",
        27,
        FAST,
        (t, in) ->
            CrossEntropy.linearCrossEntropy(t, in.get(0), in.get(1), null, 0, targets, chunkRows),
        normal(1, 7, 6),
        normal(2, 11, 6));
    GradCheck.check(
        "linearCrossEntropy with a bias",
        46,
        FAST,
        (t, in) ->
            CrossEntropy.linearCrossEntropy(
                t, in.get(0), in.get(1), in.get(2), 2, targets, chunkRows),
        normal(1, 7, 6),
        normal(2, 11, 6),
        normal(3, 11));
  }

  @ParameterizedTest
  @CsvSource({"1", "3", "100"})
  void linearCrossEntropyOfCappedLogits(int chunkRows) {
    int[] targets = {2, -100, 0, 10, -1, 4, 4};
    GradCheck.check(
        "linearCrossEntropy",
        34,
        FAST,
        (t, in) ->
            CrossEntropy.linearCrossEntropy(
                t, in.get(0), in.get(1), null, 1.5f, targets, chunkRows),
        normal(1, 7, 6),
        normal(2, 11, 6));
  }

  @Test
  void shift() {
    GradCheck.check("shift", 35, FAST, (t, in) -> Shift.shift(t, in.get(0), 1), normal(1, 7));
  }

  @Test
  void columnsOfOneInputTwice() {
    GradCheck.check(
        "columns",
        37,
        FAST,
        (t, in) ->
            Gate.gate(
                t,
                UnaryMap.SILU,
                Columns.columns(t, in.get(0), 0, 3),
                Columns.columns(t, in.get(0), 2, 5)),
        normal(1, 4, 7));
  }

  @Test
  void outerBias() {
    GradCheck.check(
        "outerBias",
        39,
        FAST,
        (t, in) -> OuterBias.outerBias(t, in.get(0), in.get(1), in.get(2)),
        normal(1, 4, 9),
        normal(2, 4),
        normal(3, 3));
  }

  @Test
  void meanRows() {
    GradCheck.check(
        "meanRows", 40, FAST, (t, in) -> MeanRows.meanRows(t, in.get(0), 2, 1), normal(1, 8, 5));
  }

  @Test
  void swapColumns() {
    GradCheck.check(
        "swapColumns",
        38,
        FAST,
        (t, in) -> SwapColumns.swapColumns(t, in.get(0), 2, 3),
        normal(1, 4, 12));
  }

  @Test
  void rmsNormOfEveryHead() {
    GradCheck.check(
        "rmsNorm",
        36,
        FAST,
        (t, in) -> RmsNorm.rmsNorm(t, in.get(0), in.get(1), 1e-5f),
        normal(1, 4, 12),
        normal(2, 3));
  }

  @Test
  void linearCrossEntropyThatCountsEveryRow() {
    int[] targets = {2, 0, 10, 4};
    GradCheck.check(
        "linearCrossEntropy",
        28,
        FAST,
        (t, in) -> CrossEntropy.linearCrossEntropy(t, in.get(0), in.get(1), targets),
        normal(1, 4, 6),
        normal(2, 11, 6));
  }

  @Test
  void crossEntropy() {
    int[] targets = {2, -1, 0, 8};
    GradCheck.check(
        "crossEntropy",
        29,
        FAST,
        (t, in) -> CrossEntropy.crossEntropy(t, in.get(0), targets),
        normal(1, 4, 9));
  }

  @Test
  void normalisedMse() {
    Tensor teacher = normal(5, 6, 7).tensor();
    GradCheck.check(
        "normalisedMse",
        30,
        FAST,
        (t, in) -> NormalisedMse.normalisedMse(t, in.get(0), teacher),
        normal(1, 6, 7));
  }

  @Test
  void recompute() {
    HeapWeight w = normal(2, 5, 5);
    GradCheck.check(
        "recompute",
        31,
        FAST,
        (t, in) ->
            Recompute.recompute(
                t,
                in.get(0),
                false,
                (u, x) -> {
                  Var y = Linear.linear(u, "w", x, u.leaf(w, false), null, Linear.Layout.OUT_IN);
                  return Add.add(u, x, Activation.activation(u, UnaryMap.TANH, y));
                }),
        normal(1, 4, 5));
  }
}

package dev.outpost.autograd.op;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import dev.outpost.autograd.GradCheck;
import dev.outpost.autograd.Gradients;
import dev.outpost.autograd.Tape;
import dev.outpost.autograd.Var;
import dev.outpost.tensor.Tensor;
import dev.outpost.tensor.kernel.Kernels;
import dev.outpost.tensor.memory.Workspace;
import dev.outpost.tensor.weight.HeapWeight;
import java.util.Arrays;
import org.junit.jupiter.api.Test;

class DivergenceTest {
  private static final int[] ALL = {0, 0, 0, 0, 0};
  private static final int[] SOME = {-1, 0, 0, -1, 0};
  private final HeapWeight h = GradCheck.normal(1, 5, 4);
  private final HeapWeight w = GradCheck.normal(2, 7, 4);
  private final Tensor bias = GradCheck.normal(3, 7).tensor();
  private final Tensor teacher = GradCheck.normal(4, 5, 7).tensor();

  private void rows(int[] rows, Tensor out) {
    for (int i = 0; i < rows.length; i++)
      out.slice(i, i + 1).copyFrom(teacher.slice(rows[i], rows[i] + 1));
  }

  private Var op(Tape t, Var x, int[] targets, float temperature, float cap, int chunk) {
    Divergence.Teacher stored =
        (rows, out) -> {
          rows(rows, out);
          t.kernels().memory().store(out);
        };
    return Divergence.linearDivergence(
        t, x, t.leaf(w, false), bias, cap, targets, temperature, stored, chunk);
  }

  private float loss(int[] targets, float temperature, float cap, int chunk) {
    Tape t = Tape.evaluating(Kernels.scalar(), new Workspace());
    return op(t, t.leaf(h, false), targets, temperature, cap, chunk).value().get(0);
  }

  private static double[] softmax(double[] z) {
    double sum = 0;
    for (double v : z) sum += Math.exp(v);
    double[] p = new double[z.length];
    for (int i = 0; i < z.length; i++) p[i] = Math.exp(z[i]) / sum;
    return p;
  }

  private double byHand(int[] targets, double temperature, double cap) {
    double sum = 0;
    int n = 0;
    for (int r = 0; r < 5; r++) {
      if (targets[r] < 0) continue;
      double[] s = new double[7];
      double[] t = new double[7];
      for (int j = 0; j < 7; j++) {
        double z = bias.get(j);
        for (int c = 0; c < 4; c++) z += h.tensor().get(4 * r + c) * w.tensor().get(4 * j + c);
        s[j] = (cap == 0 ? z : cap * Math.tanh(z / cap)) / temperature;
        t[j] = teacher.get(7 * r + j) / temperature;
      }
      double[] p = softmax(t);
      double[] q = softmax(s);
      for (int j = 0; j < 7; j++) sum += p[j] * Math.log(p[j] / q[j]);
      n++;
    }
    return temperature * temperature * sum / n;
  }

  @Test
  void isTheFormula() {
    for (int[] targets : new int[][] {ALL, SOME})
      for (float temperature : new float[] {1, 2.5f})
        for (float cap : new float[] {0, 1.5f})
          for (int chunk : new int[] {2, 100})
            assertThat(loss(targets, temperature, cap, chunk))
                .isCloseTo((float) byHand(targets, temperature, cap), within(1e-5f));
  }

  @Test
  void isZeroForATeacherThatSaysTheSame() {
    Tape t = Tape.evaluating(Kernels.scalar(), new Workspace());
    Divergence.Teacher same =
        (rows, out) -> {
          for (int i = 0; i < rows.length; i++)
            for (int j = 0; j < 7; j++) {
              float z = 0;
              for (int c = 0; c < 4; c++)
                z += h.tensor().get(4 * rows[i] + c) * w.tensor().get(4 * j + c);
              out.data()[out.offset() + 7 * i + j] = z;
            }
        };
    assertThat(
            Divergence.linearDivergence(
                    t, t.leaf(h, false), t.leaf(w, false), null, 0, ALL, 2, same)
                .value()
                .get(0))
        .isCloseTo(0, within(1e-6f));
  }

  /** p = (1, 0, …): −log q of the one token that the teacher allows. */
  @Test
  void aTeacherOfOneTokenIsCrossEntropy() {
    Tape t = Tape.evaluating(Kernels.scalar(), new Workspace());
    Divergence.Teacher one =
        (rows, out) -> {
          out.fill(Float.NEGATIVE_INFINITY);
          for (int i = 0; i < rows.length; i++) out.data()[out.offset() + 7 * i + 3] = 1;
        };
    float got =
        Divergence.linearDivergence(t, t.leaf(h, false), t.leaf(w, false), bias, 0, ALL, 1, one)
            .value()
            .get(0);
    Var want =
        CrossEntropy.linearCrossEntropy(
            t, t.leaf(h, false), t.leaf(w, false), t.constant(bias), 0, new int[] {3, 3, 3, 3, 3});
    assertThat(got).isCloseTo(want.value().get(0), within(1e-5f));
  }

  @Test
  void gradientIsTheSlope() {
    for (int[] targets : new int[][] {ALL, SOME})
      for (float cap : new float[] {0, 1.5f})
        GradCheck.check(
            "divergence",
            5,
            Kernels.scalar(),
            (t, in) -> op(t, in.getFirst(), targets, 2, cap, 2),
            h);
  }

  /** A chunk is at least a tile of 24 rows. */
  @Test
  void chunksGiveWhatAllRowsAtOnceGive() {
    HeapWeight many = GradCheck.normal(6, 60, 4);
    HeapWeight said = GradCheck.normal(7, 60, 7);
    int[] targets = new int[60];
    for (int i = 0; i < 60; i += 7) targets[i] = -1;
    float[][] got = new float[2][];
    for (int run = 0; run < 2; run++) {
      Tape t = Tape.recording(Kernels.scalar(), new Workspace());
      Gradients g = new Gradients();
      Var loss =
          Divergence.linearDivergence(
              t,
              t.leaf(many, true),
              t.leaf(w, false),
              bias,
              0,
              targets,
              2,
              (rows, out) -> {
                for (int i = 0; i < rows.length; i++)
                  out.slice(i, i + 1).copyFrom(said.tensor().slice(rows[i], rows[i] + 1));
              },
              run == 0 ? 24 : 1000);
      float value = loss.value().get(0);
      t.backward(loss, g);
      Tensor dh = g.get(many);
      assertThat(dh).isNotNull();
      got[run] = Arrays.copyOf(dh.toArray(), 241);
      got[run][240] = value;
    }
    assertThat(got[0]).isEqualTo(got[1]);
  }

  @Test
  void refusesWhatItCannotCompare() {
    assertThatThrownBy(() -> loss(new int[] {-1, -1, -1, -1, -1}, 1, 0, 9))
        .hasMessageContaining("all of the 5 targets are ignored");
    assertThatThrownBy(() -> loss(ALL, 0, 0, 9)).hasMessageContaining("temperature");
    assertThatThrownBy(() -> loss(new int[3], 1, 0, 9)).hasMessageContaining("a row per target");
    Tape t = Tape.recording(Kernels.scalar(), new Workspace());
    assertThatThrownBy(() ->
            Divergence.linearDivergence(
                t, t.leaf(h, true), t.leaf(w, true), null, 0, ALL, 1, this::rows))
        .hasMessageContaining("head must be frozen");
  }
}

package dev.outpost.autograd;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import dev.outpost.autograd.op.Add;
import dev.outpost.autograd.op.Multiply;
import dev.outpost.autograd.op.Scale;
import dev.outpost.autograd.op.Sum;
import dev.outpost.tensor.Tensor;
import dev.outpost.tensor.kernel.Kernels;
import dev.outpost.tensor.kernel.MirrorKernels;
import dev.outpost.tensor.memory.Workspace;
import dev.outpost.tensor.weight.HeapWeight;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import org.jspecify.annotations.Nullable;

/**
 * Holds an operation's backward to its forward: one random direction through all inputs, central
 * differences on the scalar kernels. Then the same gradients must come out for every choice of
 * frozen inputs, added twice, with inputs that are activations used elsewhere too, on other
 * kernels, and bit for bit on kernels with a memory of their own; and no buffer may stay behind.
 */
public final class GradCheck {
  /** An operation on its inputs, in their order. */
  @FunctionalInterface
  public interface Op {
    /** Records the operation. */
    Var apply(Tape t, List<Var> inputs);
  }

  /**
   * @param output as plain numbers
   * @param gradients one per input, null where frozen
   */
  private record Run(float[] output, List<float @Nullable []> gradients) {}

  // Inputs are f32, so a difference over 2h carries a rounding error of about 6e-8·|y|/h ≈ 1e-5;
  // two step widths cancel the h² term and leave h⁴ ≈ 1e-7 times the fifth derivative.
  private static final float STEP = 1f / 128;
  private static final double TOLERANCE = 5e-4;

  private final Op op;
  private final List<HeapWeight> inputs;
  private final Random random;
  private final String name;

  private GradCheck(String name, long seed, Op op, List<HeapWeight> inputs) {
    this.name = name + " (seed " + seed + ")";
    this.op = op;
    this.inputs = inputs;
    this.random = new Random(seed);
  }

  /** Everything there is to check; {@code others} are the kernels to compare with. */
  public static void check(String name, long seed, Kernels others, Op op, HeapWeight... inputs) {
    GradCheck check = leafCheck(name, seed, others, op, inputs);
    Run expected = check.run(Kernels.scalar(), check.all());
    Run shared = check.sharedActivations(Kernels.scalar(), expected);
    check.sameBits(shared, check.sharedActivations(new MirrorKernels(Kernels.scalar()), expected));
  }

  /** As {@link #check} for an operation that takes its inputs as leaves only. */
  public static void checkLeaves(
      String name, long seed, Kernels others, Op op, HeapWeight... inputs) {
    leafCheck(name, seed, others, op, inputs);
  }

  private static GradCheck leafCheck(
      String name, long seed, Kernels others, Op op, HeapWeight... inputs) {
    GradCheck check = new GradCheck(name, seed, op, List.of(inputs));
    Run expected = check.run(Kernels.scalar(), check.all());
    check.differences(expected);
    check.everyFreeze(expected);
    check.twice(Kernels.scalar(), expected);
    MirrorKernels device = new MirrorKernels(Kernels.scalar());
    check.twice(device, expected);
    for (HeapWeight w : inputs) device.memory().adopt(w.tensor().data());
    Run adopted = check.run(device, check.all());
    for (HeapWeight w : inputs) device.memory().release(w.tensor().data());
    check.sameBits(expected, adopted);
    device.memory().requireConstant();
    check.parity(expected, check.run(others, check.all()));
    return check;
  }

  /** A weight of normal numbers. */
  public static HeapWeight normal(long seed, int... dims) {
    Random random = new Random(seed);
    Tensor t = Tensor.zeros(dims);
    for (int i = 0; i < t.size(); i++) t.data()[i] = (float) random.nextGaussian();
    return HeapWeight.of(t);
  }

  private boolean[] all() {
    boolean[] all = new boolean[inputs.size()];
    Arrays.fill(all, true);
    return all;
  }

  /** Weights of the outputs in the scalar that is differentiated. */
  private static float[] probe(int n) {
    Random random = new Random(n);
    float[] r = new float[n];
    for (int i = 0; i < n; i++) r[i] = (float) random.nextGaussian();
    return r;
  }

  private List<Var> enter(Tape t, boolean[] trainable) {
    List<Var> vars = new ArrayList<>();
    for (int i = 0; i < inputs.size(); i++) vars.add(t.leaf(inputs.get(i), trainable[i]));
    return vars;
  }

  private Run run(Kernels kernels, boolean[] trainable) {
    return run(kernels, trainable, Gradients.in(kernels.memory().workspace()));
  }

  private Run run(Kernels kernels, boolean[] trainable, Gradients gradients) {
    Workspace ws = kernels.memory().workspace();
    Tape t = Tape.recording(kernels, ws);
    Var y = op.apply(t, enter(t, trainable));
    float[] output = numbers(kernels, y.value());
    Tensor dy = ws.take(y.shape());
    dy.copyFrom(Tensor.of(y.shape(), probe(output.length)));
    kernels.memory().store(dy);
    t.backward(y, dy, gradients, List.of());
    assertThat(t.recorded()).as("%s: steps left", name).isZero();
    ws.release(y.value());
    assertThat(ws.meter().liveBytes()).as("%s: bytes left on loan", name).isZero();
    List<float[]> result = new ArrayList<>();
    for (HeapWeight w : inputs) {
      Tensor g = gradients.get(w);
      result.add(g == null ? null : numbers(kernels, g));
    }
    return new Run(output, result);
  }

  private static float[] numbers(Kernels kernels, Tensor t) {
    kernels.memory().fetch(t);
    return t.toArray();
  }

  private void sameBits(Run expected, Run other) {
    assertThat(other.output()).as("%s: output on a device", name).isEqualTo(expected.output());
    for (int i = 0; i < inputs.size(); i++)
      assertThat(other.gradients().get(i))
          .as("%s: gradient %d on a device", name, i)
          .isEqualTo(expected.gradients().get(i));
  }

  private void differences(Run expected) {
    List<float[]> direction = new ArrayList<>();
    double analytic = 0;
    double bound = 1e-6;
    for (int i = 0; i < inputs.size(); i++) {
      float[] g = expected.gradients().get(i);
      float[] u = new float[inputs.get(i).shape().size()];
      for (int j = 0; j < u.length; j++) {
        u[j] = (float) random.nextGaussian();
        analytic += (double) g[j] * u[j];
        bound += TOLERANCE * Math.abs((double) g[j] * u[j]);
      }
      direction.add(u);
    }
    double near = slope(direction, STEP);
    double far = slope(direction, 2 * STEP);
    double numeric = (4 * near - far) / 3;
    assertThat(analytic)
        .as("%s: derivative along a direction", name)
        .isCloseTo(numeric, within(bound));
  }

  private double slope(List<float[]> direction, float h) {
    return (probed(direction, h) - probed(direction, -h)) / (2 * (double) h);
  }

  private double probed(List<float[]> direction, float h) {
    List<float[]> before = new ArrayList<>();
    for (int i = 0; i < inputs.size(); i++) {
      Tensor x = inputs.get(i).tensor();
      before.add(x.toArray());
      for (int j = 0; j < x.size(); j++) x.data()[x.offset() + j] += h * direction.get(i)[j];
    }
    Tape t = Tape.recording(Kernels.scalar(), new Workspace());
    float[] y = op.apply(t, enter(t, new boolean[inputs.size()])).value().toArray();
    assertThat(t.recorded()).as("%s: steps recorded with everything frozen", name).isZero();
    float[] r = probe(y.length);
    double sum = 0;
    for (int i = 0; i < y.length; i++) sum += (double) r[i] * y[i];
    for (int i = 0; i < inputs.size(); i++)
      inputs.get(i).tensor().copyFrom(Tensor.of(inputs.get(i).shape(), before.get(i)));
    return sum;
  }

  private void everyFreeze(Run expected) {
    int n = inputs.size();
    for (int mask = 1; mask < 1 << n; mask++) {
      boolean[] trainable = new boolean[n];
      for (int i = 0; i < n; i++) trainable[i] = (mask >> i & 1) == 1;
      Run run = run(Kernels.scalar(), trainable);
      String which = name + ", trainable " + Arrays.toString(trainable);
      assertThat(run.output()).as(which).isEqualTo(expected.output());
      for (int i = 0; i < n; i++) {
        float[] want = trainable[i] ? expected.gradients().get(i) : null;
        assertThat(run.gradients().get(i)).as("%s: input %d", which, i).isEqualTo(want);
      }
    }
  }

  /** One input's gradient is there already, the others' buffers hold what was there before. */
  private void twice(Kernels kernels, Run expected) {
    for (int first = 0; first < inputs.size(); first++) {
      Gradients gradients = Gradients.in(kernels.memory().workspace());
      run(kernels, all(), gradients);
      gradients.clear();
      boolean[] only = new boolean[inputs.size()];
      only[first] = true;
      run(kernels, only, gradients);
      Run sum = run(kernels, all(), gradients);
      for (int i = 0; i < inputs.size(); i++) {
        String what = name + ": input " + first + " added twice, input " + i;
        close(what, expected.gradients().get(i), i == first ? 2 : 1, 0, sum, i);
      }
    }
  }

  /** Each input passes through another operation first and is read by a third, later one. */
  private Run sharedActivations(Kernels kernels, Run expected) {
    Workspace ws = kernels.memory().workspace();
    Tape t = Tape.recording(kernels, ws);
    Gradients gradients = Gradients.in(kernels.memory().workspace());
    Var total;
    try (Tape.Scope scope = t.scope()) {
      List<Var> activations = new ArrayList<>();
      for (Var v : enter(t, all())) activations.add(Scale.scale(t, v, 2));
      List<Var> halves = new ArrayList<>();
      for (Var a : activations) halves.add(Scale.scale(t, a, 0.5f));
      Var y = op.apply(t, halves);
      Tensor probe = Tensor.of(y.shape(), probe(y.shape().size()));
      total = Sum.sum(t, Multiply.multiply(t, y, t.constant(probe)));
      for (Var half : halves) total = Add.add(t, total, Sum.sum(t, Scale.scale(t, half, 0.5f)));
      scope.keep(total);
    }
    spoil(kernels, ws);
    t.backward(total, gradients);
    ws.release(total.value());
    assertThat(ws.meter().liveBytes()).as("%s: bytes left on loan", name).isZero();
    List<float[]> result = new ArrayList<>();
    for (HeapWeight w : inputs) result.add(numbers(kernels, gradients.get(w)));
    Run run = new Run(expected.output(), result);
    for (int i = 0; i < inputs.size(); i++)
      close(name + ": shared, input " + i, expected.gradients().get(i), 1, 0.5f, run, i);
    return run;
  }

  /** Overwrites every buffer that is not on loan, so that reading one that was not saved shows. */
  private static void spoil(Kernels kernels, Workspace ws) {
    List<Tensor> all = new ArrayList<>();
    for (int size = 1; size < 512; size++) {
      Tensor t = ws.take(size);
      kernels.fill(t, Float.NaN);
      all.add(t);
    }
    all.forEach(ws::release);
  }

  private void parity(Run expected, Run other) {
    close(name + ": output on the fast kernels", expected.output(), 1, 0, other.output());
    for (int i = 0; i < inputs.size(); i++)
      close(name + ": fast gradient " + i, expected.gradients().get(i), 1, 0, other, i);
  }

  private static void close(
      String what, float[] want, float factor, float plus, Run got, int input) {
    close(what, want, factor, plus, got.gradients().get(input));
  }

  // Sums of up to a few hundred f32 products: some tens of roundings of the largest element.
  private static void close(String what, float[] want, float factor, float plus, float[] got) {
    float largest = 1e-3f;
    for (float w : want) largest = Math.max(largest, Math.abs(factor * w + plus));
    for (int i = 0; i < want.length; i++)
      assertThat(got[i])
          .as("%s [%d]", what, i)
          .isCloseTo(factor * want[i] + plus, within(5e-6f * largest));
  }
}

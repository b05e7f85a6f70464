package dev.outpost.tornado;

import dev.outpost.tensor.Tensor;
import dev.outpost.tensor.kernel.AdamWStep;
import dev.outpost.tensor.kernel.AttentionShape;
import dev.outpost.tensor.kernel.HeadView;
import dev.outpost.tensor.kernel.Kernels;
import dev.outpost.tensor.kernel.MatView;
import dev.outpost.tensor.kernel.RotaryShape;
import dev.outpost.tensor.kernel.Team;
import dev.outpost.tensor.kernel.UnaryMap;
import dev.outpost.tensor.memory.DeviceMemory;
import dev.outpost.tensor.weight.Weight;
import java.util.List;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;

/**
 * Every operation as launches of a device's {@link Kernel}s, on operands that live there as {@link
 * DeviceMemory} says. What the device has no room or no kernel for, the host's kernels do. Callers
 * on several threads take turns, call by call. This class only lists the operations: the launches
 * are in those that its fields name.
 */
final class TornadoKernels implements Kernels {
  /** What these kernels leave to the host's kernels. */
  static final List<String> ON_HOST =
      List.of(
          "products of two weights that are both read in place from their files",
          "attention over more than %,d positions".formatted(Heads.POSITIONS),
          "losses over, and rows of tables of, more than %,d tokens".formatted(Launcher.EXACT),
          "whatever finds no room in its memory, which is said when it happens");

  private final Launcher launcher;
  private final Elementwise elementwise;
  private final Products products;
  private final RowSums sums;
  private final RowNorms norms;
  private final Vocabulary vocabulary;
  private final Heads heads;

  /**
   * @param host does what the device cannot
   * @param strict whether a kernel that the device does not take ends the work
   * @param notes is told what a user should know
   */
  TornadoKernels(Accelerator device, Kernels host, boolean strict, Consumer<String> notes) {
    launcher = new Launcher(device, new Residence(device, strict, notes), host);
    elementwise = new Elementwise(launcher);
    products = new Products(launcher);
    sums = new RowSums(launcher);
    norms = new RowNorms(launcher, sums);
    vocabulary = new Vocabulary(launcher);
    heads = new Heads(launcher);
  }

  @Override
  public String name() {
    return "tornado on " + launcher.device().name();
  }

  @Override
  public Team team() {
    return launcher.host().team();
  }

  @Override
  public DeviceMemory memory() {
    return launcher.residence();
  }

  /** What has crossed the bus. */
  Traffic traffic() {
    return launcher.residence().traffic();
  }

  /** Bytes of the device that hold something. */
  long usedBytes() {
    return launcher.residence().usedBytes();
  }

  @Override
  public void fill(Tensor t, float value) {
    elementwise.fill(t, value);
  }

  @Override
  public void copy(MatView from, MatView to, boolean accumulate) {
    elementwise.copy(from, to, accumulate);
  }

  @Override
  public void addBias(Tensor x, Tensor bias, Tensor y) {
    elementwise.addBias(x, bias, y);
  }

  @Override
  public void axpby(float alpha, Tensor x, float beta, Tensor y) {
    elementwise.axpby(alpha, x, beta, y);
  }

  @Override
  public void add(Tensor a, Tensor b, Tensor y) {
    elementwise.add(a, b, y);
  }

  @Override
  public void multiply(Tensor a, Tensor b, Tensor y, boolean accumulate) {
    elementwise.multiply(a, b, y, accumulate);
  }

  @Override
  public void map(UnaryMap op, Tensor x, Tensor y) {
    elementwise.map(op, x, y);
  }

  @Override
  public void mapBackward(UnaryMap op, Tensor x, Tensor dy, Tensor dx, boolean accumulate) {
    elementwise.mapBackward(op, x, dy, dx, accumulate);
  }

  @Override
  public void gate(UnaryMap op, Tensor gate, Tensor up, Tensor y) {
    elementwise.gate(op, gate, up, y);
  }

  @Override
  public void gateBackward(
      UnaryMap op, Tensor gate, Tensor up, Tensor dy, Tensor dgate, Tensor dup) {
    elementwise.gateBackward(op, gate, up, dy, dgate, dup);
  }

  @Override
  public void adamW(Tensor p, Tensor g, Tensor m, Tensor v, AdamWStep step) {
    elementwise.adamW(p, g, m, v, step);
  }

  @Override
  public void gemm(MatView a, MatView b, MatView c, boolean accumulate) {
    products.gemm(a, b, c, accumulate);
  }

  @Override
  public void sumRows(Tensor x, Tensor out, boolean accumulate) {
    sums.sumRows(x, out, accumulate);
  }

  @Override
  public double sumSquares(Tensor x) {
    return sums.sumSquares(x);
  }

  @Override
  public double sumSquaredDifference(Tensor a, Tensor b) {
    return sums.sumSquaredDifference(a, b);
  }

  @Override
  public void layerNorm(
      Tensor x, Tensor gamma, Tensor beta, float eps, Tensor y, Tensor mean, Tensor rstd) {
    norms.layerNorm(x, gamma, beta, eps, y, mean, rstd);
  }

  @Override
  public void rmsNorm(Tensor x, Tensor gamma, float eps, Tensor y, Tensor rstd) {
    norms.rmsNorm(x, gamma, eps, y, rstd);
  }

  @Override
  public void layerNormBackward(
      Tensor x,
      Tensor gamma,
      Tensor mean,
      Tensor rstd,
      Tensor dy,
      @Nullable Tensor dx,
      boolean accumulateX,
      @Nullable Tensor dgamma,
      @Nullable Tensor dbeta,
      boolean accumulateParameters) {
    norms.layerNormBackward(
        x, gamma, mean, rstd, dy, dx, accumulateX, dgamma, dbeta, accumulateParameters);
  }

  @Override
  public void rmsNormBackward(
      Tensor x,
      Tensor gamma,
      Tensor rstd,
      Tensor dy,
      @Nullable Tensor dx,
      boolean accumulateX,
      @Nullable Tensor dgamma,
      boolean accumulateGamma) {
    norms.rmsNormBackward(x, gamma, rstd, dy, dx, accumulateX, dgamma, accumulateGamma);
  }

  @Override
  public void softmax(Tensor x, Tensor y) {
    vocabulary.softmax(x, y);
  }

  @Override
  public void crossEntropy(
      Tensor logits, int[] targets, float scale, float[] losses, boolean gradient) {
    vocabulary.crossEntropy(logits, targets, scale, losses, gradient);
  }

  @Override
  public void gather(Weight table, int[] ids, Tensor out, boolean accumulate) {
    vocabulary.gather(table, ids, out, accumulate);
  }

  @Override
  public void scatterAdd(Tensor dOut, int[] ids, Tensor dTable) {
    vocabulary.scatterAdd(dOut, ids, dTable);
  }

  @Override
  public void rotary(RotaryShape s, Tensor angles, HeadView x, HeadView y, boolean inverse) {
    heads.rotary(s, angles, x, y, inverse);
  }

  @Override
  public void attention(
      AttentionShape s, HeadView q, HeadView k, HeadView v, HeadView out, Tensor lse) {
    heads.attention(s, q, k, v, out, lse);
  }

  @Override
  public void attentionBackward(
      AttentionShape s,
      HeadView q,
      HeadView k,
      HeadView v,
      HeadView out,
      Tensor lse,
      HeadView dout,
      HeadView dq,
      HeadView dk,
      HeadView dv) {
    heads.attentionBackward(s, q, k, v, out, lse, dout, dq, dk, dv);
  }
}

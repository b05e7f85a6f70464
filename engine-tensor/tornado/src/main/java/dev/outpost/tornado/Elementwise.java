package dev.outpost.tornado;

import static dev.outpost.tornado.Launcher.bits;
import static dev.outpost.tornado.Launcher.flag;

import dev.outpost.tensor.Tensor;
import dev.outpost.tensor.kernel.AdamWStep;
import dev.outpost.tensor.kernel.Kernels;
import dev.outpost.tensor.kernel.MatView;
import dev.outpost.tensor.kernel.UnaryMap;
import dev.outpost.tornado.body.Maps;

/** What makes each number from those at its place: sums, products, maps, gates, AdamW's step. */
final class Elementwise {
  private final Launcher launcher;
  private final Kernels host;

  Elementwise(Launcher launcher) {
    this.launcher = launcher;
    this.host = launcher.host();
  }

  void fill(Tensor t, float value) {
    int n = t.size();
    if (n == 0) return;
    Call c = launcher.call().out(t);
    c.run(() -> launcher.each(Kernel.FILL, n, n, c.at(t), bits(value)), () -> host.fill(t, value));
  }

  void copy(MatView from, MatView to, boolean accumulate) {
    int n = to.rows() * to.cols();
    if (n == 0) return;
    Call c = launcher.call().in(from).out(to, accumulate);
    c.run(
        () ->
            launcher.each(
                Kernel.COPY,
                n,
                to.rows(),
                to.cols(),
                c.at(from),
                from.rowStride(),
                from.colStride(),
                c.at(to),
                to.rowStride(),
                flag(accumulate)),
        () -> host.copy(from, to, accumulate));
  }

  void addBias(Tensor x, Tensor bias, Tensor y) {
    int n = x.size();
    if (n == 0) return;
    Call c = launcher.call().in(x).in(bias).out(y);
    c.run(
        () -> launcher.each(Kernel.ADD_BIAS, n, n, x.cols(), c.at(x), c.at(bias), c.at(y)),
        () -> host.addBias(x, bias, y));
  }

  void axpby(float alpha, Tensor x, float beta, Tensor y) {
    int n = x.size();
    if (n == 0) return;
    Call c = launcher.call().in(x).out(y, beta != 0);
    c.run(
        () -> launcher.each(Kernel.AXPBY, n, n, bits(alpha), c.at(x), bits(beta), c.at(y)),
        () -> host.axpby(alpha, x, beta, y));
  }

  void add(Tensor a, Tensor b, Tensor y) {
    int n = y.size();
    if (n == 0) return;
    Call c = launcher.call().in(a).in(b).out(y);
    c.run(
        () -> launcher.each(Kernel.ADD, n, n, c.at(a), c.at(b), c.at(y)), () -> host.add(a, b, y));
  }

  void multiply(Tensor a, Tensor b, Tensor y, boolean accumulate) {
    int n = y.size();
    if (n == 0) return;
    Call c = launcher.call().in(a).in(b).out(y, accumulate);
    c.run(
        () -> launcher.each(Kernel.MULTIPLY, n, n, c.at(a), c.at(b), c.at(y), flag(accumulate)),
        () -> host.multiply(a, b, y, accumulate));
  }

  void map(UnaryMap op, Tensor x, Tensor y) {
    int n = x.size();
    if (n == 0) return;
    Call c = launcher.call().in(x).out(y);
    c.run(
        () -> launcher.each(Kernel.MAP, n, n, code(op), c.at(x), c.at(y)),
        () -> host.map(op, x, y));
  }

  void mapBackward(UnaryMap op, Tensor x, Tensor dy, Tensor dx, boolean accumulate) {
    int n = x.size();
    if (n == 0) return;
    Call c = launcher.call().in(x).in(dy).out(dx, accumulate);
    c.run(
        () ->
            launcher.each(
                Kernel.MAP_BACKWARD, n, n, code(op), c.at(x), c.at(dy), c.at(dx), flag(accumulate)),
        () -> host.mapBackward(op, x, dy, dx, accumulate));
  }

  void gate(UnaryMap op, Tensor gate, Tensor up, Tensor y) {
    int n = y.size();
    if (n == 0) return;
    Call c = launcher.call().in(gate).in(up).out(y);
    c.run(
        () -> launcher.each(Kernel.GATE, n, n, code(op), c.at(gate), c.at(up), c.at(y)),
        () -> host.gate(op, gate, up, y));
  }

  void gateBackward(UnaryMap op, Tensor gate, Tensor up, Tensor dy, Tensor dgate, Tensor dup) {
    int n = dy.size();
    if (n == 0) return;
    Call c = launcher.call().in(gate).in(up).in(dy).out(dgate).out(dup);
    c.run(
        () ->
            launcher.each(
                Kernel.GATE_BACKWARD,
                n,
                n,
                code(op),
                c.at(gate),
                c.at(up),
                c.at(dy),
                c.at(dgate),
                c.at(dup)),
        () -> host.gateBackward(op, gate, up, dy, dgate, dup));
  }

  private static int code(UnaryMap op) {
    return switch (op) {
      case GELU_TANH -> Maps.GELU_TANH;
      case GELU_ERF -> Maps.GELU_ERF;
      case TANH -> Maps.TANH;
      case RELU -> Maps.RELU;
      case SILU -> Maps.SILU;
      case QUICK_GELU -> Maps.QUICK_GELU;
    };
  }

  void adamW(Tensor p, Tensor g, Tensor m, Tensor v, AdamWStep step) {
    int n = p.size();
    if (n == 0) return;
    double correct1 = 1 - Math.pow(step.beta1(), step.step());
    double correct2 = 1 - Math.pow(step.beta2(), step.step());
    Call c = launcher.call().inOut(p).in(g).inOut(m).inOut(v);
    c.run(
        () ->
            launcher.each(
                Kernel.ADAM_W,
                n,
                n,
                c.at(p),
                c.at(g),
                c.at(m),
                c.at(v),
                bits(step.gradScale()),
                bits(step.beta1()),
                bits((float) (1 - (double) step.beta1())),
                bits(step.beta2()),
                bits((float) (1 - (double) step.beta2())),
                bits((float) (step.lr() / correct1)),
                bits((float) (1 / Math.sqrt(correct2))),
                bits(step.eps()),
                bits((float) ((double) step.lr() * step.weightDecay()))),
        () -> host.adamW(p, g, m, v, step));
  }
}

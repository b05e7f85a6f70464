package dev.outpost.offsite.emulator;

import dev.outpost.autograd.Backward;
import dev.outpost.autograd.Gradients;
import dev.outpost.autograd.Grads;
import dev.outpost.autograd.Tape;
import dev.outpost.autograd.Var;
import dev.outpost.tensor.Tensor;
import dev.outpost.tensor.kernel.Kernels;
import dev.outpost.tensor.kernel.MatView;
import dev.outpost.tensor.memory.Workspace;
import dev.outpost.tensor.weight.Weight;
import dev.outpost.transformer.TransformerModel;
import dev.outpost.transformer.layer.Dense;
import dev.outpost.transformer.module.Parameter;
import dev.outpost.transformer.module.ParameterVisitor;
import dev.outpost.transformer.module.Pass;
import dev.outpost.transformer.module.Projection;
import dev.outpost.transformer.module.Rewriter;
import dev.outpost.transformer.train.Batch;
import dev.outpost.transformer.train.Examples;
import java.util.Arrays;
import java.util.IdentityHashMap;
import java.util.List;
import java.util.Map;
import java.util.function.Predicate;

/**
 * The curvature and the gradient of a loss at one projection {@code y = W·x + b}, the former as two
 * Kronecker factors (KFAC, Martens and Grosse 2015): {@code H·vec(δ) ≈ vec(G·δ·A)}. Every position
 * counts as a sample of its own; the labels are the text's (empirical Fisher).
 */
final class Kfac {
  private final Tensor a;
  private final Tensor g;
  private final Tensor gradient;
  private long positions;
  private long targets;

  private Kfac(int in, int out) {
    this.a = Tensor.zeros(in, in);
    this.g = Tensor.zeros(out, out);
    this.gradient = Tensor.zeros(out, in);
  }

  /** A of the inputs, {@code E[x·xᵀ]} [in, in]. */
  Tensor inputs() {
    return scaled(a, 1.0 / positions);
  }

  /** G of the outputs, {@code E[dy·dyᵀ]} [out, out], of the loss summed over targets. */
  Tensor outputs() {
    return scaled(g, 1.0 / positions);
  }

  /** Of the mean loss by W, [out, in]. */
  Tensor gradient() {
    return scaled(gradient, 1.0 / targets);
  }

  private static Tensor scaled(Tensor t, double by) {
    Tensor s = Tensor.zeros(t.shape());
    for (int i = 0; i < t.size(); i++) s.data()[i] = (float) (t.get(i) * by);
    return s;
  }

  /** Looks at dense projections during forward and backward passes of a model. */
  static final class Observer {
    private final Map<Weight, Kfac> seen = new IdentityHashMap<>();
    private int targets;

    /** What was seen of a weight; null when nothing was. */
    Kfac of(Weight weight) {
      Kfac k = seen.get(weight);
      if (k == null || k.targets == 0)
        throw new IllegalStateException("kfac: nothing was seen of " + weight);
      return k;
    }

    /**
     * Runs the model over examples spread evenly over the text, forward and backward.
     *
     * @param watched which projections, by their path
     */
    void run(
        TransformerModel model,
        Predicate<String> watched,
        Kernels kernels,
        Examples text,
        int samples,
        int batch) {
      TransformerModel observed =
          model
              .frozen()
              .rewrite(
                  new Rewriter() {
                    @Override
                    public Projection projection(String path, Projection p) {
                      return watched.test(path) && p instanceof Dense d ? watch(d) : p;
                    }
                  });
      int n = Math.min(samples, text.count());
      Workspace workspace = new Workspace();
      for (int from = 0; from < n; from += batch) {
        int[] which = new int[Math.min(batch, n - from)];
        for (int i = 0; i < which.length; i++)
          which[i] = (int) ((from + i) * (long) text.count() / n);
        Batch read = text.batch(which);
        targets = (int) Arrays.stream(read.targets()).filter(t -> t >= 0).count();
        if (targets == 0) continue;
        try {
          Tape tape = Tape.recording(kernels, workspace);
          Var loss = observed.loss(read.pass(tape), read.input(), read.targets());
          tape.backward(loss, new Gradients());
        } finally {
          workspace.releaseAll();
        }
      }
    }

    private Projection watch(Dense d) {
      Kfac k = seen.computeIfAbsent(d.weight().weight(), w -> new Kfac(d.in(), d.out()));
      return new Watched(d, k, this);
    }
  }

  /**
   * A projection with an eye on it: what goes in, and the gradient of what comes out. It needs no
   * trainable weight below it.
   */
  private record Watched(Projection inner, Kfac kfac, Observer observer) implements Projection {
    @Override
    public Var apply(Pass pass, String name, Var x) {
      Tape tape = pass.tape();
      Var y = inner.apply(pass, name, x);
      if (!tape.isRecording()) return y;
      // Something below must want a gradient for one to come here.
      Var wanting = tape.input(Tensor.zeros(1));
      Back back = new Back(tape.kernels(), tape.workspace(), kfac, observer, x.value(), y);
      return tape.record("watch", y.value(), List.of(x.value()), back, y, wanting);
    }

    @Override
    public int in() {
      return inner.in();
    }

    @Override
    public int out() {
      return inner.out();
    }

    @Override
    public void visit(String path, ParameterVisitor visitor) {
      inner.visit(path, visitor);
    }

    @Override
    public Projection rewrite(String path, Rewriter r) {
      return new Watched(inner.rewrite(path, parameters(r)), kfac, observer);
    }

    private static Rewriter parameters(Rewriter r) {
      return new Rewriter() {
        @Override
        public Parameter parameter(String path, Parameter p) {
          return r.parameter(path, p);
        }
      };
    }
  }

  private record Back(Kernels k, Workspace workspace, Kfac kfac, Observer observer, Tensor x, Var y)
      implements Backward {
    @Override
    public void backward(Tensor dy, Grads grads) {
      Tensor summed = workspace.take(dy.shape());
      k.axpby(observer.targets, dy, 0, summed);
      MatView d = MatView.of(summed);
      MatView in = MatView.of(x);
      k.gemm(in.t(), in, MatView.of(kfac.a), true);
      k.gemm(d.t(), d, MatView.of(kfac.g), true);
      k.gemm(d.t(), in, MatView.of(kfac.gradient), true);
      workspace.release(summed);
      kfac.positions += x.rows();
      kfac.targets += observer.targets;
      if (y.needsGrad()) grads.give(y, dy);
    }
  }
}

package dev.outpost.offsite.emulator;

import dev.outpost.offsite.svd.Svd;
import dev.outpost.tensor.Tensor;
import dev.outpost.tensor.kernel.Kernels;
import dev.outpost.transformer.Block;
import dev.outpost.transformer.Slot;
import dev.outpost.transformer.TransformerBlock;
import dev.outpost.transformer.layer.Dense;
import dev.outpost.transformer.layer.QueryKeyValue;
import dev.outpost.transformer.layer.SelfAttention;
import dev.outpost.transformer.module.Projection;
import java.util.ArrayList;
import java.util.Collections;
import java.util.HashMap;
import java.util.IdentityHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;

/**
 * GradOT on attention: removing direction i of {@code W = Σ σ·u·vᵀ} is {@code δ = −σ·u·vᵀ}, so
 * {@code GCS = σ·‖G·u‖₁·‖A·v‖₁ + λ·σ·uᵀ·(∂l/∂W)·v}.
 */
final class GradotDirections {
  private final Gradot step;
  private final GradotChoice choice;
  private final Kfac.Observer observer;
  private final Kernels kernels;
  private final long seed;

  /**
   * @param observer has seen the matrices at work
   */
  GradotDirections(Gradot step, Kfac.Observer observer, Workshop shop) {
    this.step = step;
    this.choice = new GradotChoice(step.attentionLambda(), step.scale(), step.budget());
    this.observer = observer;
    this.kernels = shop.kernels();
    this.seed = shop.seed();
  }

  /** A matrix of attention and what was seen of it. */
  private record Matrix(String path, Tensor w, Tensor inputs, Tensor outputs, Tensor gradient) {}

  /** Which directions stay of each matrix of the middle's attention. */
  Cut of(Draft draft) {
    List<Matrix> matrices = new ArrayList<>();
    Set<Block> done = Collections.newSetFromMap(new IdentityHashMap<>());
    for (Slot s : draft.middle())
      if (s.block() instanceof TransformerBlock b && done.add(b))
        attention(s.name() + ".attn", b.attention(), matrices);
    List<Svd> whole = new ArrayList<>();
    List<List<GradotChoice.Candidate>> groups = new ArrayList<>();
    int[] kept = new int[matrices.size()];
    for (Matrix m : matrices) {
      int full = Math.min(m.w.rows(), m.w.cols());
      int most = Math.max(1, (int) Math.ceil(step.span() * full));
      Svd svd = Svd.largest(m.w, most, kernels, seed, "gradot." + m.path);
      kept[groups.size()] = Math.max(1, (int) Math.ceil(step.always() * full));
      groups.add(candidates(groups.size(), svd, m));
      whole.add(svd);
    }
    List<boolean[]> stay = choice.stay(groups, step.rank() / step.span(), kept);
    Map<String, Svd> left = new HashMap<>();
    for (int i = 0; i < matrices.size(); i++)
      left.put(matrices.get(i).path, some(whole.get(i), stay.get(i)));
    return new Cut.Chosen(left);
  }

  private void attention(String path, SelfAttention a, List<Matrix> to) {
    switch (a.inputs()) {
      case QueryKeyValue.Separate s -> {
        add(path + ".q", s.q(), to);
        add(path + ".k", s.k(), to);
        add(path + ".v", s.v(), to);
      }
      case QueryKeyValue.Fused f -> {
        Parts parts = Parts.of(path + ".qkv", f, a);
        Kfac seen = observer.of(parts.fused().weight().weight());
        for (int i = 0; i < 3; i++) {
          int[] rows = parts.rows().get(i);
          to.add(
              new Matrix(
                  path + "." + "qkv".charAt(i),
                  parts.matrix(i),
                  seen.inputs(),
                  Rows.square(seen.outputs(), rows),
                  Rows.of(seen.gradient(), rows)));
        }
      }
      case QueryKeyValue.Prefixed p -> throw Gradot.prefixed(path);
    }
    add(path + ".out", a.out(), to);
  }

  private void add(String path, Projection p, List<Matrix> to) {
    Dense d = Gradot.dense(path, p);
    Kfac seen = observer.of(d.weight().weight());
    to.add(new Matrix(path, Parts.outIn(d), seen.inputs(), seen.outputs(), seen.gradient()));
  }

  private List<GradotChoice.Candidate> candidates(int group, Svd svd, Matrix m) {
    Tensor gu = Rows.product(kernels, svd.u(), m.outputs);
    Tensor av = Rows.product(kernels, svd.v(), m.inputs);
    Tensor ug = Rows.product(kernels, svd.u(), m.gradient);
    List<GradotChoice.Candidate> all = new ArrayList<>();
    for (int i = 0; i < svd.rank(); i++) {
      double sigma = svd.values()[i];
      double pull = 0;
      for (int j = 0; j < ug.cols(); j++)
        pull += (double) ug.get(i * ug.cols() + j) * svd.v().get(i * ug.cols() + j);
      all.add(
          new GradotChoice.Candidate(
              group, i, sigma * Rows.absolute(gu, i) * Rows.absolute(av, i), sigma * pull));
    }
    return all;
  }

  private static Svd some(Svd whole, boolean[] stay) {
    int[] kept = Rows.where(stay);
    double[] values = new double[kept.length];
    for (int i = 0; i < kept.length; i++) values[i] = whole.values()[kept[i]];
    return new Svd(Rows.of(whole.u(), kept), values, Rows.of(whole.v(), kept));
  }
}

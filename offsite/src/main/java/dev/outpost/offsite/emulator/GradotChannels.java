package dev.outpost.offsite.emulator;

import dev.outpost.tensor.Tensor;
import dev.outpost.tensor.kernel.Kernels;
import dev.outpost.tensor.weight.HeapWeight;
import dev.outpost.transformer.Block;
import dev.outpost.transformer.Slot;
import dev.outpost.transformer.TransformerBlock;
import dev.outpost.transformer.layer.Dense;
import dev.outpost.transformer.layer.FeedForward;
import dev.outpost.transformer.module.Parameter;
import dev.outpost.transformer.module.Projection;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.IdentityHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Set;

/**
 * GradOT on the feed-forward part: removing an inner channel clears a row of each matrix into the
 * inner width and a column of the one out of it; its GCS is the sum over these.
 */
final class GradotChannels {
  private final Gradot step;
  private final GradotChoice choice;
  private final Kfac.Observer observer;
  private final Kernels kernels;

  /**
   * @param observer has seen the matrices at work
   */
  GradotChannels(Gradot step, Kfac.Observer observer, Kernels kernels) {
    this.step = step;
    this.choice = new GradotChoice(step.channelLambda(), step.scale(), step.budget());
    this.observer = observer;
    this.kernels = kernels;
  }

  /** The middle with narrower feed-forward parts. */
  Draft of(Draft draft) {
    List<Block> blocks = new ArrayList<>();
    List<List<GradotChoice.Candidate>> groups = new ArrayList<>();
    Set<Block> done = Collections.newSetFromMap(new IdentityHashMap<>());
    for (Slot s : draft.middle())
      if (s.block() instanceof TransformerBlock b && done.add(b)) {
        groups.add(candidates(groups.size(), s.name() + ".mlp", b.mlp()));
        blocks.add(b);
      }
    int[] kept = new int[groups.size()];
    Arrays.fill(kept, step.budget() == Gradot.Budget.MIDDLE ? 1 : 0);
    List<boolean[]> stay = choice.stay(groups, step.channels(), kept);
    Map<Block, boolean[]> channelsOf = new IdentityHashMap<>();
    for (int i = 0; i < blocks.size(); i++) channelsOf.put(blocks.get(i), stay.get(i));
    return draft.with(
        Targets.each(
            draft.middle(),
            (slot, block) ->
                block instanceof TransformerBlock b
                    ? new TransformerBlock(
                        b.norm1(),
                        b.attention(),
                        b.norm2(),
                        narrow(slot + ".mlp", b.mlp(), Objects.requireNonNull(channelsOf.get(b))))
                    : block));
  }

  private List<GradotChoice.Candidate> candidates(int group, String path, FeedForward f) {
    int width = f.down().in();
    double[] curvature = new double[width];
    double[] pull = new double[width];
    Dense down = Gradot.dense(path + ".down", f.down());
    Kfac seen = observer.of(down.weight().weight());
    // A column of [C, F] is a row of its transpose.
    score(
        Rows.transposed(Parts.outIn(down)),
        seen.inputs(),
        seen.outputs(),
        Rows.transposed(seen.gradient()),
        0,
        curvature,
        pull);
    for (Projection p : f.gate() == null ? List.of(f.up()) : List.of(f.gate(), f.up())) {
      Dense in = Gradot.dense(path, p);
      Kfac k = observer.of(in.weight().weight());
      for (int from = 0; from < in.out(); from += width)
        score(Parts.outIn(in), k.outputs(), k.inputs(), k.gradient(), from, curvature, pull);
    }
    List<GradotChoice.Candidate> all = new ArrayList<>();
    for (int j = 0; j < width; j++)
      all.add(new GradotChoice.Candidate(group, j, curvature[j], pull[j]));
    return all;
  }

  /**
   * Adds the terms of clearing each of some rows of a matrix.
   *
   * @param rows factor of the rows' side
   * @param columns factor of the columns' side
   */
  private void score(
      Tensor w,
      Tensor rows,
      Tensor columns,
      Tensor gradient,
      int from,
      double[] curvature,
      double[] pull) {
    Tensor through = Rows.product(kernels, w, columns);
    for (int j = 0; j < curvature.length; j++) {
      curvature[j] += Rows.absolute(rows, from + j) * Rows.absolute(through, from + j);
      int at = (from + j) * w.cols();
      for (int i = 0; i < w.cols(); i++) pull[j] += (double) w.get(at + i) * gradient.get(at + i);
    }
  }

  private FeedForward narrow(String path, FeedForward f, boolean[] stay) {
    int[] kept = Rows.where(stay);
    int[] both = kept;
    if (f.paired()) {
      both = Arrays.copyOf(kept, 2 * kept.length);
      for (int i = 0; i < kept.length; i++) both[kept.length + i] = stay.length + kept[i];
    }
    Dense down = Gradot.dense(path + ".down", f.down());
    return new FeedForward(
        f.gate() == null ? null : outs(Gradot.dense(path + ".gate", f.gate()), kept),
        outs(Gradot.dense(path + ".up", f.up()), both),
        f.paired(),
        f.activation(),
        Parts.dense(
            Rows.transposed(Rows.of(Rows.transposed(Parts.outIn(down)), kept)), down.bias(), down));
  }

  /** The projection to some of its outputs. */
  private Dense outs(Dense d, int[] kept) {
    Parameter bias = d.bias();
    Parameter fewer =
        bias == null
            ? null
            : Parameter.frozen(
                HeapWeight.of(
                    Rows.of(bias.weight().toTensor().reshape(d.out(), 1), kept)
                        .reshape(kept.length)));
    return Parts.dense(Rows.of(Parts.outIn(d), kept), fewer, d);
  }
}

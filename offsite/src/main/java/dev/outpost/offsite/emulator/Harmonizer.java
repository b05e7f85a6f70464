package dev.outpost.offsite.emulator;

import dev.outpost.autograd.Tape;
import dev.outpost.autograd.Var;
import dev.outpost.autograd.op.Activation;
import dev.outpost.autograd.op.Add;
import dev.outpost.autograd.op.Linear;
import dev.outpost.tensor.Shape;
import dev.outpost.tensor.Tensor;
import dev.outpost.tensor.io.FormatException;
import dev.outpost.tensor.kernel.UnaryMap;
import dev.outpost.tensor.random.RandomStream;
import dev.outpost.tensor.weight.HeapWeight;
import dev.outpost.transformer.Block;
import dev.outpost.transformer.layer.Dense;
import dev.outpost.transformer.load.WeightSource;
import dev.outpost.transformer.module.Parameter;
import dev.outpost.transformer.module.ParameterVisitor;
import dev.outpost.transformer.module.Pass;
import dev.outpost.transformer.module.Projection;
import dev.outpost.transformer.module.Rewriter;

/**
 * The light stand-in of a replaced block (Yao et al. 2024): a low-rank feed-forward part beside the
 * stream, {@code y = x + ReLU(x·W_downᵀ)·W_upᵀ}.
 *
 * @param down C → r, starts uniform in ±1/√C
 * @param up r → C, starts 0, so that a fresh harmonizer passes its input on. (Were both 0, neither
 *     would ever have a gradient.)
 */
public record Harmonizer(Projection down, Projection up) implements Block {
  /** Rank r for models of medium size, as the paper's re-implementation quotes it. */
  public static final int MEDIUM_RANK = 64;

  /** A fresh one for the slot {@code path}, frozen. */
  public static Harmonizer fresh(String path, int width, int rank, long seed) {
    if (rank < 1)
      throw new IllegalArgumentException("harmonizer: rank must be at least 1, got " + rank);
    Tensor down = Tensor.zeros(rank, width);
    RandomStream stream = RandomStream.of(seed, "harmonizer." + path);
    float bound = (float) (1 / Math.sqrt(width));
    for (int i = 0; i < down.size(); i++) down.data()[i] = (2 * stream.nextFloat() - 1) * bound;
    return new Harmonizer(
        dense(HeapWeight.of(down)), dense(HeapWeight.of(Tensor.zeros(width, rank))));
  }

  private static Dense dense(HeapWeight weight) {
    return new Dense(Parameter.frozen(weight), null, Linear.Layout.OUT_IN);
  }

  /** The one stored under {@code path}. */
  public static Harmonizer read(String path, int width, int rank, WeightSource source)
      throws FormatException {
    Parameter down = source.get(path + ".harmonizer.down.weight", Shape.of(rank, width));
    Parameter up = source.get(path + ".harmonizer.up.weight", Shape.of(width, rank));
    return new Harmonizer(
        new Dense(down, null, Linear.Layout.OUT_IN), new Dense(up, null, Linear.Layout.OUT_IN));
  }

  /** r. */
  public int rank() {
    return down.out();
  }

  @Override
  public Var forward(Pass pass, Var x) {
    Tape tape = pass.tape();
    try (Tape.Scope scope = tape.scope()) {
      Var low = Activation.activation(tape, UnaryMap.RELU, down.apply(pass, "harmonizer.down", x));
      return scope.keep(Add.add(tape, x, up.apply(pass, "harmonizer.up", low)));
    }
  }

  @Override
  public void visit(String path, ParameterVisitor visitor) {
    down.visit(path + ".harmonizer.down", visitor);
    up.visit(path + ".harmonizer.up", visitor);
  }

  @Override
  public Block rewrite(String path, Rewriter r) {
    return new Harmonizer(
        down.rewrite(path + ".harmonizer.down", r), up.rewrite(path + ".harmonizer.up", r));
  }
}

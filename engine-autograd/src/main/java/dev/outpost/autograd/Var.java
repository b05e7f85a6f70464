package dev.outpost.autograd;

import dev.outpost.tensor.Shape;
import dev.outpost.tensor.Tensor;
import dev.outpost.tensor.kernel.MatView;
import dev.outpost.tensor.weight.HeapWeight;
import dev.outpost.tensor.weight.MappedWeight;
import dev.outpost.tensor.weight.Weight;
import org.jspecify.annotations.Nullable;

/** A value on a tape: an activation, or a weight that entered as a leaf. Made by {@link Tape}. */
public final class Var {
  private final Tape tape;
  private final @Nullable Tensor value;
  private final @Nullable Weight weight;
  private final int id;
  private final boolean needsGrad;

  Var(Tape tape, @Nullable Tensor value, @Nullable Weight weight, int id, boolean needsGrad) {
    this.tape = tape;
    this.value = value;
    this.weight = weight;
    this.id = id;
    this.needsGrad = needsGrad;
  }

  /** The numbers; a mapped weight has none on the heap and fails here: use {@link #view()}. */
  public Tensor value() {
    if (value == null)
      throw new IllegalStateException(
          "var: " + weight + " is mapped from a file and has no heap tensor");
    return value;
  }

  /** The leaf's weight; fails for an activation. */
  public Weight weight() {
    if (weight == null)
      throw new IllegalStateException("var: an activation " + shape() + " is not a weight");
    return weight;
  }

  /** Whether this is a weight that entered by {@link Tape#leaf}. */
  public boolean isLeaf() {
    return weight != null;
  }

  /** The numbers as a matrix, wherever they live. */
  public MatView view() {
    return weight instanceof MappedWeight m ? m.view() : MatView.of(value());
  }

  /** Extents. */
  public Shape shape() {
    return weight != null ? weight.shape() : value().shape();
  }

  /** Whether the loss may depend on a trainable leaf through this value. */
  public boolean needsGrad() {
    return needsGrad;
  }

  /** The tape this value belongs to. */
  Tape tape() {
    return tape;
  }

  /** Position on the tape. */
  int id() {
    return id;
  }

  @Override
  public String toString() {
    return "Var#"
        + id
        + shape()
        + (needsGrad ? "" : " constant")
        + (weight instanceof HeapWeight ? " leaf" : "");
  }
}

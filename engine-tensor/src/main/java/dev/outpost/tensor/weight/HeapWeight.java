package dev.outpost.tensor.weight;

import dev.outpost.tensor.DType;
import dev.outpost.tensor.Shape;
import dev.outpost.tensor.Tensor;
import dev.outpost.tensor.kernel.MatView;

/**
 * An f32 weight on the heap; the optimiser writes into its tensor. Compared by identity: two
 * weights with equal numbers are still two parameters.
 */
public final class HeapWeight implements Weight {
  private final Tensor tensor;

  private HeapWeight(Tensor tensor) {
    this.tensor = tensor;
  }

  /** Owns {@code tensor} from now on. */
  public static HeapWeight of(Tensor tensor) {
    return new HeapWeight(tensor);
  }

  /** The live numbers, shared. */
  public Tensor tensor() {
    return tensor;
  }

  @Override
  public Shape shape() {
    return tensor.shape();
  }

  @Override
  public DType dtype() {
    return DType.F32;
  }

  @Override
  public MatView view() {
    return MatView.of(tensor);
  }

  @Override
  public Tensor toTensor() {
    return Tensor.of(tensor.shape(), tensor.toArray());
  }

  @Override
  public String toString() {
    return "HeapWeight" + tensor.shape();
  }
}

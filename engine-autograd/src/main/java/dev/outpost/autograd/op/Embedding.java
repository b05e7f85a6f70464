package dev.outpost.autograd.op;

import dev.outpost.autograd.Backward;
import dev.outpost.autograd.Grads;
import dev.outpost.autograd.Tape;
import dev.outpost.autograd.Var;
import dev.outpost.tensor.ShapeException;
import dev.outpost.tensor.Tensor;
import dev.outpost.tensor.kernel.Kernels;
import java.util.List;

/**
 * Rows of a table by number: {@code y[i, :] = table[ids[i], :]}. Backward: {@code dTable[ids[i], :]
 * += dy[i, :]}.
 */
public final class Embedding {
  private Embedding() {}

  /**
   * Looks up n rows of a table [V, C], or [1, V, C], or [C] which is one row; the result is [n, C].
   *
   * @param table a leaf, on the heap or mapped, of any dtype
   * @throws IllegalArgumentException when an id lies outside {@code 0 … V−1}
   */
  public static Var embedding(Tape t, Var table, int[] ids) {
    if (table.shape().rank() < 1)
      throw new ShapeException("embedding", "table must be [vocabulary, width]", table.shape());
    int vocabulary = table.shape().rows();
    for (int i = 0; i < ids.length; i++) {
      if (ids[i] < 0 || ids[i] >= vocabulary)
        throw new IllegalArgumentException(
            "embedding: token id %d at position %d is outside the vocabulary of %d rows (table %s)"
                .formatted(ids[i], i, vocabulary, table.shape()));
    }
    Tensor y = t.take(ids.length, table.shape().cols());
    t.kernels().gather(table.weight(), ids, y, false);
    int[] kept = t.needsGrad(table) ? ids.clone() : ids;
    return t.record("embedding", y, List.of(), new Back(t.kernels(), table, kept), table);
  }

  private record Back(Kernels k, Var table, int[] ids) implements Backward {
    @Override
    public void backward(Tensor dy, Grads grads) {
      Grads.Slot dTable = grads.of(table);
      if (!dTable.accumulate()) k.fill(dTable.tensor(), 0);
      k.scatterAdd(dy, ids, dTable.tensor());
    }
  }
}

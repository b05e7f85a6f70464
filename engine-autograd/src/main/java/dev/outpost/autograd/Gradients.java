package dev.outpost.autograd;

import dev.outpost.tensor.Tensor;
import dev.outpost.tensor.weight.HeapWeight;
import java.util.IdentityHashMap;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * The gradients of trainable weights, kept across tapes: every {@link Tape#backward} adds to them
 * until {@link #clear}, which is how micro-batches accumulate. Memory is taken once per weight and
 * reused.
 */
public final class Gradients {
  private final Map<HeapWeight, Tensor> buffers = new IdentityHashMap<>();
  private final Map<HeapWeight, Boolean> filled = new IdentityHashMap<>();

  /**
   * The gradient of {@code weight}, or null when no backward pass has reached it since {@link
   * #clear}.
   */
  public @Nullable Tensor get(HeapWeight weight) {
    return filled.containsKey(weight) ? buffers.get(weight) : null;
  }

  /** Forgets the values but keeps the memory: the start of a new optimizer step. */
  public void clear() {
    filled.clear();
  }

  /** Bytes held. */
  public long bytes() {
    return buffers.values().stream().mapToLong(t -> t.size() * 4L).sum();
  }

  Grads.Slot slot(HeapWeight weight) {
    Tensor t = buffers.computeIfAbsent(weight, w -> Tensor.zeros(w.shape()));
    return new Grads.Slot(t, filled.put(weight, true) != null);
  }
}

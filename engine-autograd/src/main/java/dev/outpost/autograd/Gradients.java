package dev.outpost.autograd;

import dev.outpost.tensor.Tensor;
import dev.outpost.tensor.kernel.Kernels;
import dev.outpost.tensor.memory.Workspace;
import dev.outpost.tensor.weight.HeapWeight;
import java.util.IdentityHashMap;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * The gradients of trainable weights, kept across tapes: every {@link Tape#backward} adds to them
 * until {@link #clear}, which is how micro-batches accumulate. Their memory is kept loans of a
 * workspace; with the tapes' own workspace they share it with activations, which are gone when
 * gradients come.
 */
public final class Gradients {
  private final Workspace workspace;
  private final Map<HeapWeight, Tensor> filled = new IdentityHashMap<>();

  /** Gradients with memory of their own. */
  public Gradients() {
    this(new Workspace());
  }

  private Gradients(Workspace workspace) {
    this.workspace = workspace;
  }

  /** Gradients in the memory of the tapes that fill them. */
  public static Gradients in(Workspace workspace) {
    return new Gradients(workspace);
  }

  /**
   * The gradient of {@code weight}, or null when no backward pass has reached it since {@link
   * #clear}.
   */
  public @Nullable Tensor get(HeapWeight weight) {
    return filled.get(weight);
  }

  /** A gradient of zeros for {@code weight}, to be added to; one that is there is overwritten. */
  public Tensor zeros(Kernels kernels, HeapWeight weight) {
    Tensor t = slot(weight).tensor();
    kernels.fill(t, 0);
    return t;
  }

  /** Gives all values back: the start of a new optimizer step. */
  public void clear() {
    for (Tensor t : filled.values()) workspace.release(t);
    filled.clear();
  }

  /** Bytes held. */
  public long bytes() {
    return filled.values().stream().mapToLong(t -> t.size() * 4L).sum();
  }

  Grads.Slot slot(HeapWeight weight) {
    Tensor held = filled.get(weight);
    if (held != null) return new Grads.Slot(held, true);
    Tensor fresh = workspace.take(weight.shape());
    workspace.keep(fresh);
    filled.put(weight, fresh);
    return new Grads.Slot(fresh, false);
  }

  /** Makes {@code gradient} the weight's, if it has none yet and the memory is this workspace's. */
  boolean adopt(HeapWeight weight, Tensor gradient) {
    if (filled.containsKey(weight) || !workspace.lends(gradient)) return false;
    workspace.keep(gradient);
    filled.put(weight, new Tensor(weight.shape(), gradient.data(), gradient.offset()));
    return true;
  }
}

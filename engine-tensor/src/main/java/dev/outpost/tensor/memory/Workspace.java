package dev.outpost.tensor.memory;

import dev.outpost.tensor.Shape;
import dev.outpost.tensor.Tensor;
import java.util.ArrayList;
import java.util.IdentityHashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * Lends the buffers of one step and takes all back: activations, their gradients, scratch. What
 * outlives the step, such as the gradients of weights, is {@link #keep kept} until released.
 * Buffers are cut from a few large arrays and joined again when they come back, so that activations
 * and the gradients that replace them share memory whatever their sizes; a loop whose steps have
 * equal shapes soon allocates nothing. Not thread-safe: one workspace per step at work.
 *
 * <p>A lent tensor's contents are undefined. It is known by where it lies, so a reshaped or sliced
 * tensor stands for the buffer it came from. An empty tensor is never on loan.
 */
public final class Workspace {
  /** Floats of a new array: room for neighbours that join, yet little that stays unused. */
  private static final int SMALLEST = 1 << 14;

  private static final int LARGEST = 1 << 22;

  private final List<Slab> slabs = new ArrayList<>();
  private final Map<float[], Slab> slabOf = new IdentityHashMap<>();
  private final MemoryMeter meter = new MemoryMeter();
  private final DeviceMemory memory;
  private long held;

  /** A workspace in the host's memory. */
  public Workspace() {
    this(DeviceMemory.HOST);
  }

  /** A workspace whose arrays are lent to a device; see {@link DeviceMemory#workspace}. */
  public Workspace(DeviceMemory memory) {
    this.memory = memory;
  }

  /** A buffer of this shape; contents undefined. */
  public Tensor take(Shape shape) {
    if (shape.size() == 0) return Tensor.zeros(shape);
    int length = rounded(shape.size());
    Slab.Block free = null;
    for (Slab s : slabs) free = s.smallest(length, free);
    if (free == null) free = grow(length).at(0);
    free.slab().lend(free, length);
    meter.taken(length * 4L);
    return new Tensor(shape, free.slab().data(), free.offset());
  }

  private Slab grow(int length) {
    int room = Math.clamp(Math.max(held / 8, 4L * length), SMALLEST, LARGEST);
    Slab s = new Slab(Math.max(length, room));
    slabs.add(s);
    slabOf.put(s.data(), s);
    memory.lend(s.data());
    held += s.data().length;
    meter.allocated(s.data().length * 4L);
    return s;
  }

  private static int rounded(int size) {
    long up = (size + (Slab.GRAIN - 1L)) / Slab.GRAIN * Slab.GRAIN;
    return (int) Math.min(up, Integer.MAX_VALUE - 8);
  }

  /**
   * Leaves a lent buffer with its user beyond {@link #releaseAll}, until {@link #release}. Fails
   * for a tensor that is not on loan.
   */
  public void keep(Tensor t) {
    Slab.Block b = loan(t);
    if (b == null)
      throw new IllegalArgumentException("workspace: " + t.shape() + " is not on loan");
    b.kept = true;
  }

  /** A buffer of this shape; contents undefined. */
  public Tensor take(int... dims) {
    return take(Shape.of(dims));
  }

  /** A buffer of zeros. */
  public Tensor takeZeroed(int... dims) {
    Tensor t = take(dims);
    t.fill(0);
    memory.store(t);
    return t;
  }

  /** Whether the tensor's buffer is lent by this workspace and not yet back. */
  public boolean lends(Tensor t) {
    return loan(t) != null;
  }

  /**
   * What is one and the same for all tensors of a buffer while it is lent, and for all of a foreign
   * array.
   */
  public Object identity(Tensor t) {
    Slab.Block b = loan(t);
    return b == null ? t.data() : b;
  }

  private Slab.@Nullable Block loan(Tensor t) {
    Slab s = t.size() == 0 ? null : slabOf.get(t.data());
    if (s == null) return null;
    Slab.Block b = s.at(t.offset());
    return b.isLent() ? b : null;
  }

  /**
   * Takes one buffer back. A tensor that is not on loan is left alone: weights and constants may be
   * passed.
   */
  public void release(Tensor t) {
    Slab.Block b = loan(t);
    if (b == null) return;
    meter.released(b.length() * 4L);
    b.slab().giveBack(b);
  }

  /** Takes every buffer back that is not {@link #keep kept}: the end of a step. */
  public void releaseAll() {
    for (Slab s : slabs) meter.released(s.giveBackUnkept() * 4L);
  }

  /** Forgets the arrays of which nothing is lent, so that the garbage collector may have them. */
  public void trim() {
    for (Slab s : slabs)
      if (s.isFree()) {
        slabOf.remove(s.data());
        memory.takeBack(s.data());
        held -= s.data().length;
      }
    slabs.removeIf(Slab::isFree);
  }

  /** Bytes live, at peak, and taken from the heap. */
  public MemoryMeter meter() {
    return meter;
  }
}

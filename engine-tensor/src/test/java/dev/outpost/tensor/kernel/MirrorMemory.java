package dev.outpost.tensor.kernel;

import dev.outpost.tensor.Tensor;
import dev.outpost.tensor.memory.DeviceMemory;
import dev.outpost.tensor.memory.Workspace;
import java.util.Arrays;
import java.util.IdentityHashMap;
import java.util.Map;

/**
 * A device's memory on the host: every array that is the device's has a second one, and its first
 * is NaN wherever the second is newer. What is done by hand without {@link #fetch} or {@link
 * #store} thus comes out as NaN, or otherwise than on kernels without a memory.
 */
public final class MirrorMemory implements DeviceMemory {
  private final Map<float[], float[]> own = new IdentityHashMap<>();
  private final Map<float[], float[]> constants = new IdentityHashMap<>();
  private int fetches;
  private int stores;
  private int brought;

  @Override
  public Workspace workspace() {
    return new Workspace(this);
  }

  @Override
  public synchronized void fetch(Tensor t) {
    float[] device = own.get(t.data());
    if (device == null) return;
    fetches++;
    System.arraycopy(device, t.offset(), t.data(), t.offset(), t.size());
  }

  @Override
  public synchronized void store(Tensor t) {
    if (constants.containsKey(t.data())) throw new AssertionError("a constant is stored: " + t);
    float[] device = own.get(t.data());
    if (device == null) return;
    stores++;
    System.arraycopy(t.data(), t.offset(), device, t.offset(), t.size());
    Arrays.fill(t.data(), t.offset(), t.offset() + t.size(), Float.NaN);
  }

  @Override
  public synchronized void enter(Tensor weight, boolean frozen) {
    if (own.containsKey(weight.data())) return;
    if (frozen) constants.computeIfAbsent(weight.data(), float[]::clone);
    else constants.remove(weight.data());
  }

  @Override
  public synchronized void adopt(float[] array) {
    constants.remove(array);
    if (own.put(array, array.clone()) != null) throw new AssertionError("adopted twice");
    Arrays.fill(array, Float.NaN);
  }

  @Override
  public synchronized void release(float[] array) {
    float[] device = own.remove(array);
    if (device != null) System.arraycopy(device, 0, array, 0, array.length);
  }

  @Override
  public synchronized void lend(float[] array) {
    if (array.length == 0) throw new AssertionError("an empty array is lent");
    Arrays.fill(array, Float.NaN);
    if (own.put(array, array.clone()) != null) throw new AssertionError("lent twice");
  }

  @Override
  public synchronized void takeBack(float[] array) {
    if (own.remove(array) == null) throw new AssertionError("was not lent");
  }

  /** What a kernel reads in place of the host's array. */
  synchronized float[] read(float[] array) {
    float[] device = own.get(array);
    if (device != null) return device;
    float[] constant = constants.get(array);
    if (constant != null) return constant;
    if (array.length > 0) brought++;
    return array;
  }

  /** What a kernel writes in place of the host's array, whose numbers there are no longer right. */
  synchronized float[] written(float[] array, int offset, int rows, int cols, int rowStride) {
    if (constants.containsKey(array)) throw new AssertionError("a constant is written");
    float[] device = own.get(array);
    if (device == null) return read(array);
    for (int r = 0; r < rows; r++) {
      int from = offset + r * rowStride;
      Arrays.fill(array, from, from + cols, Float.NaN);
    }
    return device;
  }

  /** Fails if a weight that entered as frozen is no longer what it was. */
  public synchronized void requireConstant() {
    constants.forEach((host, entered) -> {
      if (!Arrays.equals(host, entered)) throw new AssertionError("a constant changed");
    });
  }

  /** Times that the device's numbers went to the host since {@link #forget}. */
  public synchronized int fetches() {
    return fetches;
  }

  /** Times that the host's numbers went to the device since then. */
  public synchronized int stores() {
    return stores;
  }

  /** Operands since then that were the host's. */
  public synchronized int brought() {
    return brought;
  }

  /** Counts from 0 again. */
  public synchronized void forget() {
    fetches = 0;
    stores = 0;
    brought = 0;
  }
}

package dev.outpost.tensor.memory;

import dev.outpost.tensor.Tensor;

/**
 * Where the numbers lie that kernels compute with. On a processor that is the host's own memory and
 * nothing here does anything. A device has memory of its own; there an array is one of three:
 *
 * <ul>
 *   <li><b>the device's</b>: the arrays of its {@link #workspace} and those it was given by {@link
 *       #adopt}. The host's array is only their name: its numbers mean nothing until {@link
 *       #fetch}, and what is written into it by hand means nothing until {@link #store}.
 *   <li><b>constant</b>: frozen weights, by {@link #enter}; the device keeps a copy.
 *   <li><b>the host's</b>: all others. A kernel brings what it reads and takes back what it writes,
 *       so that code that knows nothing of devices is right, if slow.
 * </ul>
 *
 * <p>Arrays are known by identity and never kept alive: what nobody uses any more leaves the
 * device.
 */
public interface DeviceMemory {
  /** The host's own memory: for kernels on processors. */
  DeviceMemory HOST = new DeviceMemory() {};

  /** A workspace whose buffers are the device's. */
  default Workspace workspace() {
    return new Workspace();
  }

  /** Brings the numbers of a device's tensor to the host's array: before reading them by hand. */
  default void fetch(Tensor t) {}

  /** Takes the numbers of the host's array to the device's tensor: after writing them by hand. */
  default void store(Tensor t) {}

  /**
   * Tells how a weight enters a computation: a frozen one stays as it is for as long as it enters
   * so.
   */
  default void enter(Tensor weight, boolean frozen) {}

  /** Makes an array with its numbers the device's, until {@link #release}. */
  default void adopt(float[] array) {}

  /** Makes an array the host's again, with its numbers. */
  default void release(float[] array) {}

  /** Makes an array the device's whose numbers mean nothing yet. */
  default void lend(float[] array) {}

  /** Gives up an array that was {@link #lend lent}, with its numbers. */
  default void takeBack(float[] array) {}
}

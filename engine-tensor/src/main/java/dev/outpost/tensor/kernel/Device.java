package dev.outpost.tensor.kernel;

import java.util.function.Consumer;

/** A device that can compute instead of the processor. */
public interface Device {
  /** What a device is. */
  enum Kind {
    /** A graphics processor. */
    GPU,
    /** This machine's processor, by way of a driver: slower than without it, good for tests. */
    CPU,
    /** Something else. */
    OTHER
  }

  /** Number of the driver and of its device, such as {@code 0:1}: how a user names it. */
  String id();

  /** The device's own name. */
  String name();

  /** What drives it, such as {@code OpenCL, NVIDIA CUDA}. */
  String driver();

  /** What it is. */
  Kind kind();

  /** Bytes of its memory. */
  long memoryBytes();

  /**
   * Makes it ready to compute.
   *
   * @param host does what the device cannot
   * @param memoryBytes how much of its memory to use; 0 for most of it
   * @param strict whether a kernel that it does not take ends the work, for who asked for this
   *     device; otherwise the host does it
   * @param notes is told, once each, what a user should know while it computes
   * @throws DeviceException when it cannot, with cause and cure
   */
  OpenDevice open(Kernels host, long memoryBytes, boolean strict, Consumer<String> notes);
}

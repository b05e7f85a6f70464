package dev.outpost.tornado;

import dev.outpost.tensor.kernel.Kernels;

/**
 * What every operation needs to be launched.
 *
 * @param residence where the operands live on the device
 * @param host does what the device cannot
 */
record Launcher(Accelerator device, Residence residence, Kernels host) {
  /** Up to here every integer is a float. */
  static final int EXACT = 1 << 24;

  /** A call without operands yet. */
  Call call() {
    return new Call(residence);
  }

  /** One item per element. */
  void each(Kernel kernel, int n, int... args) {
    launch(kernel, 0, groups(n, kernel.itemsX()), 1, 1, args);
  }

  /** A grid of groups that see a page of weights; page 0 for those that read none. */
  void launch(Kernel kernel, int page, int x, int y, int z, int... args) {
    device.launch(kernel, page, args, x, y, z);
    residence.traffic().launched();
  }

  /** Groups of so many items that n of them need. */
  static int groups(int n, int items) {
    return (n + items - 1) / items;
  }

  /** A real number as bodies are told it. */
  static int bits(float value) {
    return Float.floatToRawIntBits(value);
  }

  /** A choice as bodies are told it. */
  static int flag(boolean value) {
    return value ? 1 : 0;
  }
}

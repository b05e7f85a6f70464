package dev.outpost.tornado;

import dev.outpost.tensor.kernel.Kernels;
import java.util.ArrayList;
import java.util.List;

/** The device that every machine has: the kernels' bodies in plain Java. */
public final class PlainDevice {
  private final List<String> notes = new ArrayList<>();
  private final TornadoKernels kernels;

  /**
   * @param heapFloats numbers of its heap
   * @param pageInts words of each of its two pages
   */
  public PlainDevice(int heapFloats, int pageInts) {
    kernels =
        new TornadoKernels(
            new PlainAccelerator(heapFloats, 2, pageInts), Kernels.scalar(), true, notes::add);
  }

  /** Its kernels. */
  public Kernels kernels() {
    return kernels;
  }

  /** What a user was told. */
  public List<String> notes() {
    return notes;
  }

  /** Bytes that went to it. */
  public long upBytes() {
    return kernels.traffic().upBytes();
  }

  /** Bytes that came from it. */
  public long downBytes() {
    return kernels.traffic().downBytes();
  }
}

package dev.outpost.tornado;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.outpost.tensor.Shape;
import dev.outpost.tensor.Tensor;
import dev.outpost.tensor.kernel.DeviceException;
import dev.outpost.tensor.kernel.Kernels;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;

/** What becomes of a kernel that a device's software cannot compile. */
class RefusalTest {
  private final List<String> notes = new ArrayList<>();

  /** A device that refuses one kernel. */
  private record Without(Accelerator device, Kernel missing) implements Accelerator {
    @Override
    public String name() {
      return device.name();
    }

    @Override
    public int heapFloats() {
      return device.heapFloats();
    }

    @Override
    public int pages() {
      return device.pages();
    }

    @Override
    public int pageInts() {
      return device.pageInts();
    }

    @Override
    public void launch(Kernel kernel, int page, int[] args, int x, int y, int z) {
      if (kernel == missing) throw new KernelRefused("device: " + kernel + " failed", null);
      device.launch(kernel, page, args, x, y, z);
    }

    @Override
    public void upload(float[] from, int offset, int length, int to) {
      device.upload(from, offset, length, to);
    }

    @Override
    public void download(int from, float[] to, int offset, int length) {
      device.download(from, to, offset, length);
    }

    @Override
    public void uploadPage(MemorySegment bytes, int page, int to) {
      device.uploadPage(bytes, page, to);
    }

    @Override
    public void close() {
      device.close();
    }
  }

  private Kernels without(Kernel missing, boolean strict) {
    Accelerator plain = new PlainAccelerator(1 << 16, 1, 64);
    return new TornadoKernels(new Without(plain, missing), Kernels.scalar(), strict, notes::add);
  }

  @Test
  void theHostDoesItAndSaysSoOnce() {
    Kernels k = without(Kernel.ADD, false);
    Tensor held = k.memory().workspace().take(3);
    k.fill(held, 2);
    Tensor x = Tensor.of(Shape.of(3), 1, 2, 3);
    Tensor y = Tensor.zeros(3);
    k.add(x, held, y);
    k.add(y, held, held);
    k.memory().fetch(held);
    assertThat(y.toArray()).containsExactly(3, 4, 5);
    assertThat(held.toArray()).containsExactly(5, 6, 7);
    assertThat(notes).containsExactly("device: ADD failed; the processor does it");
  }

  @Test
  void whoAskedForTheDeviceIsToldWhy() {
    Kernels k = without(Kernel.ADD, true);
    Tensor x = Tensor.of(Shape.of(3), 1, 2, 3);
    assertThatThrownBy(() -> k.add(x, x, Tensor.zeros(3)))
        .isInstanceOf(DeviceException.class)
        .hasMessage("device: ADD failed; --device cpu computes without it");
    assertThat(notes).isEmpty();
  }
}

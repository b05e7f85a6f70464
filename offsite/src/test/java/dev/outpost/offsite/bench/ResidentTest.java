package dev.outpost.offsite.bench;

import static org.assertj.core.api.Assertions.assertThat;

import dev.outpost.tensor.Shape;
import dev.outpost.tensor.Tensor;
import dev.outpost.tensor.kernel.Kernels;
import dev.outpost.tensor.kernel.Machine;
import dev.outpost.tensor.kernel.MirrorKernels;
import java.io.IOException;
import org.junit.jupiter.api.Test;

class ResidentTest {
  @Test
  void arraysStayOnTheDeviceUntilTheyAreLetGo() {
    Resident resident = new Resident(new MirrorKernels(Kernels.scalar()));
    Tensor x = Tensor.of(Shape.of(2), 1, 2);
    Tensor y = Tensor.zeros(2);
    resident.kernels().add(x, x, y);
    assertThat(y.toArray()).containsExactly(2, 4);
    resident.keep();
    resident.kernels().add(y, x, y);
    resident.kernels().add(y, x, y);
    assertThat(y.toArray()).doesNotContain(4f);
    resident.release();
    assertThat(y.toArray()).containsExactly(4, 8);
    assertThat(x.toArray()).containsExactly(1, 2);
  }

  @Test
  void aKernelOnADeviceIsMeasuredWithoutTheProcessorsLimits() throws IOException {
    Bench bench = Gemms.of(new Gemms.Shape("small", 8, 8, 8), "NT");
    Row row = bench.measure(new MirrorKernels(Kernels.scalar()), Machine.current(), 1);
    assertThat(row.limit()).isEmpty();
    assertThat(row.rate().median()).isPositive();
  }
}

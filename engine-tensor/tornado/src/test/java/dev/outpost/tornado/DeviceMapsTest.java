package dev.outpost.tornado;

import dev.outpost.tensor.kernel.Kernels;
import dev.outpost.tensor.kernel.OpenDevice;
import dev.outpost.tensor.kernel.UnaryMap;
import org.junit.jupiter.api.Test;

/** The same on a device, whose compiler may see NaN and infinities in its own way. */
class DeviceMapsTest {
  @Test
  void functionsHoldFarFromZero() {
    try (OpenDevice device = ADevice.open(Kernels.scalar())) {
      for (UnaryMap op : UnaryMap.values()) FarMaps.check(device.kernels(), op);
    }
  }
}

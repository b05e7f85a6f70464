package dev.outpost.tornado;

import static org.junit.jupiter.api.Assumptions.assumeTrue;

import dev.outpost.tensor.kernel.Device;
import dev.outpost.tensor.kernel.Kernels;
import dev.outpost.tensor.kernel.OpenDevice;
import java.util.Optional;

/**
 * The device that tests run on: the first, or the one that the property {@code outpost.device}
 * names. Where there is none they are skipped, with the reason, or fail if {@code
 * outpost.device.required} is true.
 */
public final class ADevice {
  private static final long MEMORY = 256L << 20;

  private ADevice() {}

  /** Opens it; who opens closes. */
  public static OpenDevice open(Kernels host) {
    TornadoProvider provider = new TornadoProvider();
    Optional<String> reason = provider.unusable();
    if (Boolean.getBoolean("outpost.device.required") && reason.isPresent())
      throw new AssertionError("a device is required: TornadoVM: " + reason.get());
    assumeTrue(reason.isEmpty(), () -> "no device: TornadoVM: " + reason.orElseThrow());
    String id = System.getProperty("outpost.device", "0:0");
    Device chosen =
        provider.devices().stream().filter(d -> d.id().equals(id)).findFirst().orElseThrow();
    System.getLogger(ADevice.class.getName())
        .log(System.Logger.Level.INFO, "tests run on {0} ({1})", chosen.name(), chosen.driver());
    return chosen.open(
        host,
        MEMORY,
        true,
        note -> {
          throw new AssertionError("said while testing: " + note);
        });
  }
}

package dev.outpost.tornado;

import dev.outpost.tensor.kernel.Device;
import dev.outpost.tensor.kernel.DeviceProvider;
import java.util.List;
import java.util.Optional;

/**
 * Devices behind TornadoVM. Names no class of TornadoVM itself, so that it can be loaded, and say
 * what is missing, without it.
 */
public final class TornadoProvider implements DeviceProvider {
  private static final String RUNTIME = "tornado.load.runtime.implementation";

  /** Properties without which TornadoVM would compute something else than it was told. */
  private static final String BAILOUT = "tornado.recover.bailout";

  private static final String FAST_MATH = "tornado.enable.fastMathOptimizations";

  @Override
  public String name() {
    return "TornadoVM";
  }

  @Override
  public Optional<String> unusable() {
    if (System.getProperty(RUNTIME) == null
        || ModuleLayer.boot().findModule("tornado.runtime").isEmpty())
      return Optional.of(
          "this JVM was started without it; install its SDK for JDK 25, set TORNADOVM_HOME to its folder and start with ./outpost, or start java with @ the file that ./outpost device-args names (docs/gpu.md)");
    for (String property : List.of(BAILOUT, FAST_MATH))
      if (!"false".equalsIgnoreCase(System.getProperty(property)))
        return Optional.of(
            property.equals(BAILOUT)
                ? "it would run what it cannot compile on the processor without saying so; start java with -D"
                    + BAILOUT
                    + "=False"
                : "it would replace functions by coarser ones; start java with -D"
                    + FAST_MATH
                    + "=False");
    return TornadoDevices.problem();
  }

  @Override
  public List<Device> devices() {
    return TornadoDevices.all();
  }
}

package dev.outpost.tornado;

import dev.outpost.tensor.kernel.Device;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import uk.ac.manchester.tornado.api.TornadoBackend;
import uk.ac.manchester.tornado.api.TornadoRuntime;
import uk.ac.manchester.tornado.api.runtime.TornadoRuntimeProvider;

/** What TornadoVM finds. */
final class TornadoDevices {
  private TornadoDevices() {}

  /** Why TornadoVM does not work here, and the cure; empty when it does. */
  static Optional<String> problem() {
    try {
      return all().isEmpty()
          ? Optional.of(
              "it runs but finds no device; `clinfo -l` lists what OpenCL sees: install the GPU's driver (for a processor: pocl-opencl-icd)")
          : Optional.empty();
    } catch (LinkageError | RuntimeException e) {
      Throwable cause = e;
      while (cause.getCause() != null && cause.getCause() != cause) cause = cause.getCause();
      return Optional.of(
          "it does not start: "
              + cause.toString().lines().findFirst().orElse("").strip()
              + "; is the driver of its backend installed (libOpenCL.so.1, libcuda.so.1), and does the SDK hold one backend only?");
    }
  }

  static List<Device> all() {
    TornadoRuntime runtime = TornadoRuntimeProvider.getTornadoRuntime();
    List<Device> all = new ArrayList<>();
    for (int b = 0; b < runtime.getNumBackends(); b++) {
      TornadoBackend backend = runtime.getBackend(b);
      for (int d = 0; d < backend.getNumDevices(); d++)
        all.add(new TornadoGpu(b + ":" + d, backend.getBackendType(), backend.getDevice(d)));
    }
    return all;
  }
}

package dev.outpost.tornado;

import dev.outpost.tensor.kernel.Device;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.regex.Pattern;
import uk.ac.manchester.tornado.api.TornadoBackend;
import uk.ac.manchester.tornado.api.TornadoRuntime;
import uk.ac.manchester.tornado.api.runtime.TornadoRuntimeProvider;

/** What TornadoVM finds. */
final class TornadoDevices {
  private static final Pattern COLOUR = Pattern.compile("\u001b\\[[0-9;]*m");

  private TornadoDevices() {}

  /** Why TornadoVM does not work here, and the cure; empty when it does. */
  static Optional<String> problem() {
    try {
      return all().isEmpty()
          ? Optional.of(
              "it runs but finds no device; `clinfo -l` lists what OpenCL sees: install the GPU's driver (for a processor: pocl-opencl-icd)")
          : Optional.empty();
    } catch (VirtualMachineError e) {
      throw e;
    } catch (RuntimeException | Error e) {
      // TornadoVM's own defects come as errors.
      return Optional.of(
          "it does not start: "
              + reason(e)
              + "; is the driver of its backend installed (libOpenCL.so.1, libcuda.so.1), and does the SDK hold one backend only?");
    }
  }

  /** The first line of what TornadoVM said last, without the colours of a terminal. */
  static String reason(Throwable e) {
    Throwable cause = e;
    while (cause.getCause() != null && cause.getCause() != cause) cause = cause.getCause();
    String said = cause.getMessage() == null ? "" : cause.getMessage();
    String line =
        COLOUR.matcher(said).replaceAll("").strip().lines().findFirst().orElse("").strip();
    String kind = cause.getClass().getSimpleName();
    return line.isEmpty() ? kind : kind + ": " + line.replaceFirst("[.;]$", "");
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

package dev.outpost.offsite.app;

import dev.outpost.tensor.kernel.Device;
import dev.outpost.tensor.kernel.DeviceException;
import dev.outpost.tensor.kernel.Devices;
import dev.outpost.tensor.kernel.Kernels;
import dev.outpost.tensor.kernel.OpenDevice;
import java.util.Locale;
import java.util.Optional;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import picocli.CommandLine.Option;

/** Where a command computes. */
final class DeviceOptions {
  private static final Pattern SIZE = Pattern.compile("(\\d{1,7})([MG])");

  @Option(
      names = "--device",
      paramLabel = "WHICH",
      description =
          "Where to compute: cpu, gpu, auto (a GPU where there is one), or a number such as 0:0 from `inspect devices`. Default: ${DEFAULT-VALUE}.")
  String device = Devices.AUTO;

  @Option(
      names = "--device-memory",
      paramLabel = "SIZE",
      description =
          "How much of the device's memory to use, such as 12G or 800M. Default: most of it, or a quarter where it is this machine's own.")
  String memory = "";

  /**
   * The chosen device, ready and named on the console; empty for the processor.
   *
   * @throws BadInput when what was asked for is not there or does not start
   */
  Optional<OpenDevice> open(Console console, Kernels host) {
    long bytes = memory.isEmpty() ? 0 : bytes();
    if (device.equals(Devices.CPU)) return Optional.empty();
    try {
      Devices found = Devices.find();
      Optional<Device> chosen = found.choose(device);
      // Whoever set TornadoVM up wants to know that it is not used.
      if (chosen.isEmpty()) found.refused().forEach(r -> console.note("device: processor; " + r));
      return chosen.map(d -> open(console, host, d, bytes));
    } catch (DeviceException e) {
      if (!device.equals(Devices.AUTO))
        throw new BadInput("--device " + device + ": " + e.getMessage());
      console.note(e.getMessage() + "; computing on the processor");
      return Optional.empty();
    } catch (IllegalArgumentException e) {
      throw new BadInput("--device: " + e.getMessage());
    }
  }

  private OpenDevice open(Console console, Kernels host, Device d, long bytes) {
    OpenDevice open = d.open(host, bytes, !device.equals(Devices.AUTO), console::note);
    console.note(
        String.format(
            Locale.ROOT,
            "device: %s %s (%s), %,d of %,d MiB of its memory",
            d.id(),
            d.name(),
            d.driver(),
            open.memoryBytes() >> 20,
            d.memoryBytes() >> 20));
    return open;
  }

  private long bytes() {
    Matcher m = SIZE.matcher(memory);
    if (!m.matches())
      throw new BadInput("--device-memory: must be a size such as 12G or 800M, got " + memory);
    return Long.parseLong(m.group(1)) << (m.group(2).equals("G") ? 30 : 20);
  }
}

package dev.outpost;

import dev.outpost.tensor.kernel.DeviceException;
import dev.outpost.tensor.kernel.Devices;
import dev.outpost.tensor.kernel.Kernels;
import dev.outpost.tensor.kernel.OpenDevice;
import java.util.Optional;
import java.util.function.Consumer;

/**
 * What a model computes on.
 *
 * @param threads of the processor, the caller's included
 * @param device {@code cpu} for the processor, {@code gpu}, {@code auto} for a GPU if there is one
 *     that works, or a device's number such as {@code 0:0}, as {@code outpost inspect devices}
 *     lists them. The processor still does what a device cannot
 * @param deviceMemory bytes of the device's memory to use; 0 for most of it. What is loaded for a
 *     device takes its share at once, so several models on one device need a share each
 */
public record Compute(int threads, String device, long deviceMemory) {
  /** Checks. */
  public Compute {
    if (threads < 1)
      throw new IllegalArgumentException("compute: threads must be at least 1, got " + threads);
    if (deviceMemory < 0)
      throw new IllegalArgumentException(
          "compute: deviceMemory must not be negative, got " + deviceMemory);
  }

  /** So many threads of the processor. */
  public static Compute threads(int threads) {
    return new Compute(threads, Devices.CPU, 0);
  }

  /** All threads of the processor. */
  public static Compute allThreads() {
    return threads(Runtime.getRuntime().availableProcessors());
  }

  /** On this device. */
  public Compute on(String which) {
    return new Compute(threads, which, deviceMemory);
  }

  /** With so many bytes of the device's memory. */
  public Compute withDeviceMemory(long bytes) {
    return new Compute(threads, device, bytes);
  }

  /** The device, ready; empty for the processor. */
  Optional<OpenDevice> open(Kernels host) {
    // Who wants none does not start its software.
    return device.equals(Devices.CPU) ? Optional.empty() : open(host, Devices.find(), log());
  }

  Optional<OpenDevice> open(Kernels host, Devices devices, Consumer<String> notes) {
    try {
      return devices
          .choose(device)
          .map(d -> d.open(host, deviceMemory, !device.equals(Devices.AUTO), notes));
    } catch (DeviceException e) {
      if (!device.equals(Devices.AUTO)) throw e;
      notes.accept(e.getMessage() + "; computing on the processor");
      return Optional.empty();
    }
  }

  private static Consumer<String> log() {
    System.Logger log = System.getLogger(Compute.class.getName());
    return note -> log.log(System.Logger.Level.INFO, note);
  }
}

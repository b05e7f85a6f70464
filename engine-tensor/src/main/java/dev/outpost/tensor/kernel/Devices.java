package dev.outpost.tensor.kernel;

import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.ServiceLoader;
import java.util.stream.Collectors;

/**
 * The devices that can compute here, and how a user chooses one: {@code cpu} for none, {@code gpu},
 * {@code auto} for a GPU if there is one, or a device's {@link Device#id}.
 */
public final class Devices {
  /** Takes a GPU where there is one. */
  public static final String AUTO = "auto";

  /** Takes the processor. */
  public static final String CPU = "cpu";

  /** Takes a GPU or fails. */
  public static final String GPU = "gpu";

  private static final String CURE =
      "install the TornadoVM SDK for JDK 25, set TORNADOVM_HOME to its folder and start again with"
          + " ./outpost; in a program of your own put outpost-tornado.jar on the class path and"
          + " start java with @ the file that ./outpost device-args names. docs/gpu.md has every"
          + " step; --device cpu needs none of it";

  private final List<Device> all;
  private final List<String> refused;

  private Devices(List<Device> all, List<String> refused) {
    this.all = List.copyOf(all);
    this.refused = List.copyOf(refused);
  }

  /** What the class path's providers find. Starts their software: not for those who want none. */
  public static Devices find() {
    return of(ServiceLoader.load(DeviceProvider.class, Kernels.class.getClassLoader()));
  }

  /** What these providers find. */
  public static Devices of(Iterable<DeviceProvider> providers) {
    List<Device> all = new ArrayList<>();
    List<String> refused = new ArrayList<>();
    for (DeviceProvider p : providers) {
      Optional<String> reason = p.unusable();
      if (reason.isEmpty()) all.addAll(p.devices());
      else refused.add(p.name() + ": " + reason.get());
    }
    return new Devices(all, refused);
  }

  /** Every device. */
  public List<Device> all() {
    return all;
  }

  /** Why software that is there does not work, with the cure. */
  public List<String> refused() {
    return refused;
  }

  /** How to get software for devices, where there is none; empty where there is. */
  public Optional<String> advice() {
    return all.isEmpty() && refused.isEmpty() ? Optional.of(CURE) : Optional.empty();
  }

  /**
   * The device that these words choose, or empty for the processor.
   *
   * @throws DeviceException when {@code gpu} or an id finds none
   * @throws IllegalArgumentException when the words are none of those
   */
  public Optional<Device> choose(String words) {
    return switch (words) {
      case CPU -> Optional.empty();
      case AUTO -> first();
      case GPU -> Optional.of(first().orElseThrow(() -> missing("no GPU")));
      default -> {
        if (!words.matches("\\d+:\\d+"))
          throw new IllegalArgumentException(
              "must be cpu, gpu, auto or a number such as 0:0, got " + words);
        yield Optional.of(
            all.stream()
                .filter(d -> d.id().equals(words))
                .findFirst()
                .orElseThrow(() -> missing("no device " + words)));
      }
    };
  }

  private Optional<Device> first() {
    return all.stream().filter(d -> d.kind() == Device.Kind.GPU).findFirst();
  }

  private DeviceException missing(String what) {
    if (!refused.isEmpty()) return new DeviceException(what + ": " + String.join("; ", refused));
    if (all.isEmpty()) return new DeviceException(what + ": " + CURE);
    String there = all.stream().map(d -> d.id() + " " + d.name()).collect(Collectors.joining(", "));
    return new DeviceException(what + "; there are " + there);
  }
}

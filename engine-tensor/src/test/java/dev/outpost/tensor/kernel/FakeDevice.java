package dev.outpost.tensor.kernel;

import java.util.List;
import java.util.Optional;
import java.util.function.Consumer;
import java.util.function.UnaryOperator;

/**
 * A device that is none: what it computes with is made of the host's kernels.
 *
 * @param kernels of the host's; may refuse
 * @param closed is told
 */
public record FakeDevice(
    String id, String name, Kind kind, UnaryOperator<Kernels> kernels, Runnable closed)
    implements Device {
  /** What it leaves to the host. */
  public static final List<String> ON_HOST = List.of("all of it");

  /** Closes without a word. */
  public FakeDevice(String id, String name, Kind kind, UnaryOperator<Kernels> kernels) {
    this(id, name, kind, kernels, () -> {});
  }

  /** A provider of these. */
  public static DeviceProvider provider(List<Device> devices) {
    return provider("fake", devices, Optional.empty());
  }

  /** A provider that does not work here. */
  public static DeviceProvider unusable(String name, String reason) {
    return provider(name, List.of(), Optional.of(reason));
  }

  private static DeviceProvider provider(
      String name, List<Device> devices, Optional<String> reason) {
    return new DeviceProvider() {
      @Override
      public String name() {
        return name;
      }

      @Override
      public Optional<String> unusable() {
        return reason;
      }

      @Override
      public List<Device> devices() {
        if (reason.isPresent()) throw new AssertionError("asked though it does not work");
        return devices;
      }
    };
  }

  @Override
  public String driver() {
    return "fake driver";
  }

  @Override
  public long memoryBytes() {
    return 3L << 30;
  }

  @Override
  public OpenDevice open(Kernels host, long memoryBytes, boolean strict, Consumer<String> notes) {
    Kernels own = kernels.apply(host);
    return new OpenDevice() {
      @Override
      public Kernels kernels() {
        return own;
      }

      @Override
      public long memoryBytes() {
        return memoryBytes;
      }

      @Override
      public long usedBytes() {
        return 0;
      }

      @Override
      public List<String> onHost() {
        return ON_HOST;
      }

      @Override
      public String traffic() {
        return "none";
      }

      @Override
      public void close() {
        closed.run();
      }
    };
  }
}

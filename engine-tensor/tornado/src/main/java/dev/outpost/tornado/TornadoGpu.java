package dev.outpost.tornado;

import dev.outpost.tensor.kernel.Device;
import dev.outpost.tensor.kernel.DeviceException;
import dev.outpost.tensor.kernel.Kernels;
import dev.outpost.tensor.kernel.OpenDevice;
import java.util.List;
import java.util.function.Consumer;
import uk.ac.manchester.tornado.api.common.TornadoDevice;
import uk.ac.manchester.tornado.api.enums.TornadoVMBackendType;

/** A device that TornadoVM found. */
record TornadoGpu(String id, TornadoVMBackendType backend, TornadoDevice device) implements Device {
  /** Items of the largest group that a {@link Kernel} has. */
  private static final int GROUP = 256;

  /** Bytes that the items of a group share at most. */
  private static final int SHARED = 24 << 10;

  /** Less than this is not worth a device. */
  private static final long LEAST = 64L << 20;

  /** An index counts 32-bit words in an int. */
  private static final long MOST_HEAP = (Integer.MAX_VALUE - 1024L) * 4;

  /** And numbers of 16 bits in an int. */
  private static final long MOST_PAGE = MOST_HEAP / 2;

  /** What {@code tornado.device.memory} is where nobody sets it. */
  private static final long UNSET = 4L << 30;

  @Override
  public String name() {
    return device.getPhysicalDevice().getDeviceName().strip();
  }

  @Override
  public String driver() {
    return backend + ", " + device.getPlatformName().strip();
  }

  @Override
  public Kind kind() {
    return switch (device.getDeviceType()) {
      case GPU -> Kind.GPU;
      case CPU -> Kind.CPU;
      case ACCELERATOR, CUSTOM, FPGA, UNKNOWN, DEFAULT, ALL -> Kind.OTHER;
    };
  }

  @Override
  public long memoryBytes() {
    return device.getMaxGlobalMemory();
  }

  @Override
  public OpenDevice open(Kernels host, long wanted, boolean strict, Consumer<String> notes) {
    long[] groups = device.getPhysicalDevice().getDeviceMaxWorkGroupSize();
    if (groups != null && groups.length > 0 && groups[0] > 0 && groups[0] < GROUP)
      throw refusal("runs groups of at most " + groups[0] + " items, " + GROUP + " are needed");
    long shared = device.getPhysicalDevice().getDeviceLocalMemorySize();
    if (shared > 0 && shared < SHARED)
      throw refusal("has " + shared + " bytes of memory for a group, " + SHARED + " are needed");
    long budget = budget(wanted);
    // Half for what a step makes and trains, half for frozen weights as stored.
    long largest = Math.min(budget / 2, device.getMaxAllocMemory());
    int heapFloats = (int) (Math.min(largest, MOST_HEAP) / 4);
    long rest = budget - 4L * heapFloats;
    long page = Math.min(Math.min(rest, device.getMaxAllocMemory()), MOST_PAGE);
    int pages = (int) Math.max(1, rest / page);
    TornadoAccelerator accelerator = accelerator(heapFloats, pages, (int) (page / 4));
    return new Opened(accelerator, new TornadoKernels(accelerator, host, strict, notes));
  }

  private TornadoAccelerator accelerator(int heapFloats, int pages, int pageInts) {
    try {
      return new TornadoAccelerator(device, name(), heapFloats, pages, pageInts);
    } catch (DeviceException | VirtualMachineError e) {
      throw e;
    } catch (RuntimeException | Error e) {
      throw new DeviceException(
          "device %s (%s): does not start: %s".formatted(id, name(), TornadoDevices.reason(e)), e);
    }
  }

  private long budget(long wanted) {
    String set = System.getProperty("tornado.device.memory");
    long limit = set == null ? UNSET : Sizes.parse("tornado.device.memory", set);
    long has = memoryBytes();
    // A processor's device shares its memory with everybody.
    long usual = kind() == Kind.CPU ? has / 4 : has / 10 * 9;
    long budget = Math.min(wanted == 0 ? usual : wanted, limit);
    if (wanted > has)
      throw refusal(
          "has %,d MiB of memory, --device-memory asks for %,d MiB"
              .formatted(has >> 20, wanted >> 20));
    if (budget < LEAST)
      throw refusal(
          "may use %,d MiB of its memory, %,d MiB are needed at least: give more by --device-memory"
              .formatted(budget >> 20, LEAST >> 20));
    return budget;
  }

  private DeviceException refusal(String what) {
    return new DeviceException("device %s (%s): %s".formatted(id, name(), what));
  }

  private record Opened(TornadoAccelerator accelerator, TornadoKernels kernels)
      implements OpenDevice {
    @Override
    public long memoryBytes() {
      return 4L * accelerator.heapFloats() + 4L * accelerator.pageInts() * accelerator.pages();
    }

    @Override
    public long usedBytes() {
      return kernels.usedBytes();
    }

    @Override
    public List<String> onHost() {
      return TornadoKernels.ON_HOST;
    }

    @Override
    public String traffic() {
      return kernels.traffic().toString();
    }

    @Override
    public void close() {
      accelerator.close();
    }
  }
}

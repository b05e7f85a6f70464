package dev.outpost.tornado;

import dev.outpost.tensor.kernel.DeviceException;
import dev.outpost.tornado.body.Transfers;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.ArrayList;
import java.util.BitSet;
import java.util.EnumMap;
import java.util.HashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Objects;
import java.util.stream.Stream;
import uk.ac.manchester.tornado.api.GridScheduler;
import uk.ac.manchester.tornado.api.ImmutableTaskGraph;
import uk.ac.manchester.tornado.api.KernelContext;
import uk.ac.manchester.tornado.api.TaskGraph;
import uk.ac.manchester.tornado.api.TornadoExecutionPlan;
import uk.ac.manchester.tornado.api.WorkerGrid;
import uk.ac.manchester.tornado.api.WorkerGrid3D;
import uk.ac.manchester.tornado.api.common.TornadoDevice;
import uk.ac.manchester.tornado.api.enums.DataTransferMode;
import uk.ac.manchester.tornado.api.enums.TornadoVMBackendType;
import uk.ac.manchester.tornado.api.exceptions.TornadoExecutionPlanException;
import uk.ac.manchester.tornado.api.types.arrays.FloatArray;
import uk.ac.manchester.tornado.api.types.arrays.IntArray;
import uk.ac.manchester.tornado.api.types.arrays.TornadoNativeArray;

/**
 * A device behind TornadoVM. One execution plan holds it all: a graph that makes the device take
 * its memory, and a graph of one task for each kernel and page, for each size of transfer. Sizes
 * and offsets are data ({@code args}), so each kernel is compiled once, at its first use, whatever
 * the model; memory stays on the device between graphs.
 *
 * <p>TornadoVM wants a host's array behind each of the device's. Those of the heap and the pages
 * lie in sparse temporary files that nobody reads or writes: they cost nothing.
 */
final class TornadoAccelerator implements Accelerator {
  private static final String MEMORY = "memory";

  private static final String CURE = "; --device cpu computes without it";

  /** Numbers of a transfer: the smallest that fits is used, the largest in pieces. */
  private static final int[] SIZES = {1 << 10, 1 << 14, 1 << 18, 1 << 22};

  /** One graph of the plan, by its number, and the grid of its task. */
  private record Entry(int graph, WorkerGrid grid, int itemsX, int itemsY) {}

  private record Floats(FloatArray array, Entry entry) {}

  private record Ints(IntArray array, Entry entry) {}

  private final String name;
  private final FloatArray heap;
  private final List<IntArray> pages = new ArrayList<>();
  private final Object[] memory;
  private final int heapFloats;
  private final int pageInts;
  private final IntArray args = new IntArray(Kernel.ARGS);
  private final KernelContext context = new KernelContext();
  private final GridScheduler grids = new GridScheduler();
  private final List<ImmutableTaskGraph> graphs = new ArrayList<>();
  private final Map<Kernel, Entry[]> kernels = new EnumMap<>(Kernel.class);
  private final Floats[] loads;
  private final Floats[] stores;
  private final Ints[][] pageLoads;
  private final TornadoExecutionPlan plan;

  /** Graphs that ran at least once. */
  private final BitSet ran = new BitSet();

  /** Why a graph failed the first time. */
  private final Map<Integer, String> reasons = new HashMap<>();

  TornadoAccelerator(
      TornadoDevice device, String name, int heapFloats, int pageCount, int pageInts) {
    this.name = name;
    this.heapFloats = heapFloats;
    this.pageInts = pageInts;
    heap = FloatArray.fromSegmentShallow(untouched(heapFloats));
    for (int i = 0; i < pageCount; i++) pages.add(IntArray.fromSegmentShallow(untouched(pageInts)));
    memory = Stream.concat(Stream.of(heap), pages.stream()).toArray();
    memory();
    for (Kernel k : Kernel.values()) kernels.put(k, entries(k));
    loads = loads();
    stores = stores();
    pageLoads = pageLoads();
    plan = new TornadoExecutionPlan(graphs.toArray(ImmutableTaskGraph[]::new));
    plan.withDevice(device);
    // The default relaxes arithmetic: infinities and NaN, which masks are made of, would be lost.
    plan.withCompilerFlags(TornadoVMBackendType.OPENCL, "-cl-mad-enable -w");
    numbers(new int[] {0});
    try {
      execute(MEMORY, 0);
    } catch (KernelRefused e) {
      throw new DeviceException(
          e.getMessage()
              + "; another program may hold some of its memory: --device-memory takes less",
          e);
    }
  }

  /** The host's side of memory that only the device uses, with room for TornadoVM's header. */
  private static MemorySegment untouched(int words) {
    try {
      Path file = Files.createTempFile("outpost-device", ".memory");
      Files.delete(file);
      try (FileChannel f =
          FileChannel.open(
              file,
              StandardOpenOption.CREATE_NEW,
              StandardOpenOption.SPARSE,
              StandardOpenOption.READ,
              StandardOpenOption.WRITE,
              StandardOpenOption.DELETE_ON_CLOSE)) {
        return f.map(
            FileChannel.MapMode.READ_WRITE,
            0,
            words * 4L + TornadoNativeArray.ARRAY_HEADER,
            Arena.ofAuto());
      }
    } catch (IOException e) {
      throw new DeviceException(
          "device memory: no temporary file for its host side in "
              + System.getProperty("java.io.tmpdir")
              + ": "
              + e.getMessage()
              + "; -Djava.io.tmpdir=FOLDER names another",
          e);
    }
  }

  private void memory() {
    TaskGraph g = new TaskGraph(MEMORY).transferToDevice(DataTransferMode.EVERY_EXECUTION, args);
    for (int p = 0; p < pages.size(); p++) {
      g.task("touch" + p, Transfers::touch, context, args, heap, pages.get(p));
      grids.addWorkerGrid(MEMORY + ".touch" + p, grid(1, 1));
    }
    graphs.add(g.persistOnDevice(memory).snapshot());
  }

  /**
   * A graph of one task. Each takes all of the memory over, needed or not: TornadoVM finds what is
   * on the device in the graph that ran last, whichever was named.
   */
  private TaskGraph graph(String graph) {
    return new TaskGraph(graph)
        .consumeFromDevice(MEMORY, memory)
        .transferToDevice(DataTransferMode.EVERY_EXECUTION, args);
  }

  private Entry[] entries(Kernel k) {
    Entry[] each = new Entry[pages.size()];
    for (int p = 0; p < (k.readsPages() ? pages.size() : 1); p++) {
      String graph = k.name().toLowerCase(Locale.ROOT) + p;
      IntArray page = pages.get(p);
      TaskGraph g =
          graph(graph).task("run", k.body(), context, args, heap, page).persistOnDevice(memory);
      each[p] = entry(g, graph, k.itemsX(), k.itemsY());
    }
    return each;
  }

  private Floats[] loads() {
    Floats[] all = new Floats[SIZES.length];
    for (int i = 0; i < all.length; i++) {
      FloatArray arrived = new FloatArray(SIZES[i]);
      TaskGraph g =
          graph("load" + i)
              .transferToDevice(DataTransferMode.EVERY_EXECUTION, arrived)
              .task("run", Transfers::load, context, args, heap, arrived)
              .persistOnDevice(memory);
      all[i] = new Floats(arrived, entry(g, "load" + i, 256, 1));
    }
    return all;
  }

  private Floats[] stores() {
    Floats[] all = new Floats[SIZES.length];
    for (int i = 0; i < all.length; i++) {
      FloatArray leaving = new FloatArray(SIZES[i]);
      TaskGraph g =
          graph("store" + i)
              .task("run", Transfers::store, context, args, heap, leaving)
              .persistOnDevice(memory)
              .transferToHost(DataTransferMode.EVERY_EXECUTION, leaving);
      all[i] = new Floats(leaving, entry(g, "store" + i, 256, 1));
    }
    return all;
  }

  private Ints[][] pageLoads() {
    Ints[][] all = new Ints[pages.size()][SIZES.length];
    for (int i = 0; i < SIZES.length; i++) {
      IntArray arrived = new IntArray(SIZES[i]);
      for (int p = 0; p < pages.size(); p++) {
        String graph = "page" + p + "x" + i;
        TaskGraph g =
            graph(graph)
                .transferToDevice(DataTransferMode.EVERY_EXECUTION, arrived)
                .task("run", Transfers::loadPage, context, args, pages.get(p), arrived)
                .persistOnDevice(memory);
        all[p][i] = new Ints(arrived, entry(g, graph, 256, 1));
      }
    }
    return all;
  }

  private Entry entry(TaskGraph g, String graph, int itemsX, int itemsY) {
    WorkerGrid grid = grid(itemsX, itemsY);
    grids.addWorkerGrid(graph + ".run", grid);
    graphs.add(g.snapshot());
    return new Entry(graphs.size() - 1, grid, itemsX, itemsY);
  }

  private static WorkerGrid grid(int itemsX, int itemsY) {
    WorkerGrid grid = new WorkerGrid3D(itemsX, itemsY, 1);
    grid.setLocalWork(itemsX, itemsY, 1);
    return grid;
  }

  @Override
  public String name() {
    return name;
  }

  @Override
  public int heapFloats() {
    return heapFloats;
  }

  @Override
  public int pages() {
    return pages.size();
  }

  @Override
  public int pageInts() {
    return pageInts;
  }

  @Override
  public void launch(Kernel kernel, int page, int[] with, int x, int y, int z) {
    Entry e = Objects.requireNonNull(kernels.get(kernel))[page];
    numbers(with);
    e.grid.setGlobalWork((long) x * e.itemsX, (long) y * e.itemsY, z);
    execute(kernel.name(), e.graph);
  }

  private void numbers(int[] with) {
    for (int i = 0; i < with.length; i++) args.set(i, with[i]);
  }

  /**
   * Runs a graph. TornadoVM's own defects come as errors, and only the first attempt tells the
   * cause of a kernel that it cannot compile.
   */
  private void execute(String what, int graph) {
    try {
      plan.withGraph(graph).withGridScheduler(grids).execute();
      ran.set(graph);
    } catch (VirtualMachineError e) {
      throw e;
    } catch (RuntimeException | Error e) {
      String message =
          "device %s: %s failed in TornadoVM: %s".formatted(name, what, reason(graph, e));
      if (!ran.get(graph)) throw new KernelRefused(message, e);
      throw new DeviceException(message + CURE, e);
    }
  }

  private String reason(int graph, Throwable e) {
    return reasons.computeIfAbsent(graph, g -> TornadoDevices.reason(e));
  }

  @Override
  public void upload(float[] from, int offset, int length, int to) {
    for (int done = 0; done < length; ) {
      Floats stage = loads[size(length - done)];
      int n = Math.min(length - done, stage.array.getSize());
      MemorySegment.copy(
          from, offset + done, stage.array.getSegment(), ValueLayout.JAVA_FLOAT_UNALIGNED, 0, n);
      transfer("upload", stage.entry, n, to + done);
      done += n;
    }
  }

  @Override
  public void download(int from, float[] to, int offset, int length) {
    for (int done = 0; done < length; ) {
      Floats stage = stores[size(length - done)];
      int n = Math.min(length - done, stage.array.getSize());
      transfer("download", stage.entry, n, from + done);
      MemorySegment.copy(
          stage.array.getSegment(), ValueLayout.JAVA_FLOAT_UNALIGNED, 0, to, offset + done, n);
      done += n;
    }
  }

  @Override
  public void uploadPage(MemorySegment bytes, int page, int to) {
    long words = (bytes.byteSize() + 3) / 4;
    for (long done = 0; done < words; ) {
      Ints stage = pageLoads[page][size(words - done)];
      int n = (int) Math.min(words - done, stage.array.getSize());
      MemorySegment.copy(
          bytes,
          done * 4,
          stage.array.getSegment(),
          0,
          Math.min(n * 4L, bytes.byteSize() - done * 4));
      transfer("upload", stage.entry, n, (int) (to + done));
      done += n;
    }
  }

  private void transfer(String what, Entry e, int n, int at) {
    args.set(0, n);
    args.set(1, at);
    e.grid.setGlobalWork((n + e.itemsX - 1L) / e.itemsX * e.itemsX, 1, 1);
    try {
      execute(what, e.graph);
    } catch (KernelRefused refused) {
      // Without it there is no device, whoever wants one.
      throw new DeviceException(refused.getMessage() + CURE, refused);
    }
  }

  /** The smallest transfer that takes so many numbers, or the largest. */
  private static int size(long words) {
    int i = 0;
    while (i < SIZES.length - 1 && SIZES[i] < words) i++;
    return i;
  }

  @Override
  public void close() {
    try {
      plan.freeDeviceMemory();
      plan.close();
    } catch (TornadoExecutionPlanException e) {
      throw new DeviceException("device " + name + ": could not be closed", e);
    }
  }
}

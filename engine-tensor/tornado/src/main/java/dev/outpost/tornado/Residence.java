package dev.outpost.tornado;

import dev.outpost.tensor.DType;
import dev.outpost.tensor.Tensor;
import dev.outpost.tensor.kernel.DeviceException;
import dev.outpost.tensor.kernel.MatView;
import dev.outpost.tensor.memory.DeviceMemory;
import dev.outpost.tensor.memory.Workspace;
import dev.outpost.tensor.weight.MappedWeight;
import dev.outpost.tornado.body.Stored;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;

/**
 * What lies where in a device's memory: arrays of the heap that are the device's or constant, and
 * mapped weights in its pages. What finds no room stays the host's, which is said once.
 *
 * <p>Its monitor is the device's: whoever places operands, launches and looks for the result holds
 * it throughout.
 */
final class Residence implements DeviceMemory {
  /** A part of the heap that stands for a whole array. */
  private record Held(int at, int length, boolean owned) {}

  /**
   * A mapped weight on the device.
   *
   * @param type code of {@link Stored}
   * @param at its first number, counted in numbers of its type
   */
  record Paged(int page, int type, int at, int word, int words) {}

  private static final int QUANTISED_PIECE = 1 << 20;

  private final Accelerator device;
  private final Consumer<String> notes;
  private final Space heap;
  private final List<Space> pages = new ArrayList<>();
  private final ByIdentity<float[], Held> arrays = new ByIdentity<>();
  private final ByIdentity<float[], Boolean> frozen = new ByIdentity<>();
  private final ByIdentity<MemorySegment, Paged> weights = new ByIdentity<>();
  private final Traffic traffic = new Traffic();
  private final boolean strict;
  private final Set<String> refused = new HashSet<>();

  /** Whether an array has come since the last collection that was asked for. */
  private boolean grown;

  private boolean heapNoted;
  private boolean pagesNoted;

  /**
   * @param strict whether a kernel that the device does not take ends the work
   * @param notes is told what a user should know, once each
   */
  Residence(Accelerator device, boolean strict, Consumer<String> notes) {
    this.device = device;
    this.strict = strict;
    this.notes = notes;
    this.heap = new Space(device.heapFloats());
    heap.take(Stored.TABLE);
    device.upload(Stored.table(), 0, Stored.TABLE, 0);
    for (int i = 0; i < device.pages(); i++) pages.add(new Space(device.pageInts()));
  }

  /**
   * Launches a call's kernels.
   *
   * @return false where the device refused the first of them and the host is to do the work
   * @throws DeviceException where it refused one, and the user wants the device or nothing
   */
  boolean attempt(Runnable launches) {
    long before = traffic.launches();
    try {
      launches.run();
      return true;
    } catch (KernelRefused e) {
      // Behind a launch that ran, the host would do again what is done.
      if (strict || traffic.launches() > before)
        throw new DeviceException(e.getMessage() + "; --device cpu computes without it", e);
      if (refused.add(e.getMessage())) notes.accept(e.getMessage() + "; the processor does it");
      return false;
    }
  }

  /** What has crossed the bus. */
  Traffic traffic() {
    return traffic;
  }

  /** Bytes of the device that are taken. */
  synchronized long usedBytes() {
    long words = heap.used();
    for (Space p : pages) words += p.used();
    return 4 * words;
  }

  @Override
  public Workspace workspace() {
    return new Workspace(this);
  }

  @Override
  public synchronized void fetch(Tensor t) {
    Held h = arrays.get(t.data());
    if (h != null && h.owned && t.size() > 0)
      down(h.at + t.offset(), t.data(), t.offset(), t.size());
  }

  @Override
  public synchronized void store(Tensor t) {
    Held h = arrays.get(t.data());
    if (h != null && h.owned && t.size() > 0) up(t.data(), t.offset(), t.size(), h.at + t.offset());
  }

  @Override
  public synchronized void enter(Tensor weight, boolean stays) {
    if (stays) {
      if (frozen.get(weight.data()) == null) frozen.put(weight.data(), true);
      return;
    }
    frozen.remove(weight.data());
    Held h = arrays.get(weight.data());
    if (h != null && !h.owned) forget(weight.data());
  }

  @Override
  public synchronized void adopt(float[] array) {
    if (hold(array, true)) up(array, 0, array.length, part(array).at);
  }

  @Override
  public synchronized void release(float[] array) {
    Held h = arrays.get(array);
    if (h == null || !h.owned) return;
    down(h.at, array, 0, array.length);
    forget(array);
  }

  @Override
  public synchronized void lend(float[] array) {
    hold(array, true);
  }

  @Override
  public synchronized void takeBack(float[] array) {
    forget(array);
  }

  private boolean hold(float[] array, boolean owned) {
    forget(array);
    if (array.length == 0) return false;
    int at = take(array.length);
    if (at == Space.FULL) {
      if (!heapNoted)
        notes.accept(
            "device memory: no room for another %,d MiB beside %,d of %,d MiB; what finds none stays in the host's memory and crosses the bus at each use. Smaller batches, --recompute or a larger --device-memory help"
                .formatted(array.length >> 18, heap.used() >> 18, heap.size() >> 18));
      heapNoted = true;
      return false;
    }
    arrays.put(array, new Held(at, array.length, owned));
    grown = true;
    return true;
  }

  private Held part(float[] array) {
    return java.util.Objects.requireNonNull(arrays.get(array));
  }

  private void forget(float[] array) {
    Held h = arrays.remove(array);
    if (h != null) heap.give(h.at, h.length);
  }

  /** A part of the heap, after a look for arrays that nobody has any more. */
  int take(int floats) {
    sweep();
    int at = heap.take(floats);
    if (at != Space.FULL) return at;
    // What is gone is known only after a collection; the JDK does the same for direct buffers. Once
    // for what came since the last one: where memory is short for good it would never end.
    if (!grown) return Space.FULL;
    grown = false;
    System.gc();
    sweep();
    return heap.take(floats);
  }

  void give(int at, int floats) {
    heap.give(at, floats);
  }

  private void sweep() {
    arrays.sweep(h -> heap.give(h.at, h.length));
    weights.sweep(w -> pages.get(w.page).give(w.word, w.words));
    frozen.sweep(f -> {});
  }

  /** Where an array's first number is, or {@link Space#FULL} where it is the host's. */
  int find(float[] array, boolean written) {
    Held h = arrays.get(array);
    if (h != null && !h.owned && written) {
      forget(array);
      return Space.FULL;
    }
    if (h == null && !written && frozen.get(array) != null && hold(array, false)) {
      h = part(array);
      up(array, 0, array.length, h.at);
    }
    return h == null ? Space.FULL : h.at;
  }

  /** A weight in a page, brought there at its first use; null where no page has room. */
  @Nullable Paged find(MemorySegment segment, DType type, long count) {
    Paged known = weights.get(segment);
    if (known != null) return known;
    sweep();
    boolean halves = type == DType.F16 || type == DType.BF16;
    long words = halves ? (count + 1) / 2 : count;
    for (int p = 0; p < pages.size() && words <= device.pageInts(); p++) {
      int word = pages.get(p).take((int) words);
      if (word == Space.FULL) continue;
      int code = type == DType.F16 ? Stored.F16 : type == DType.BF16 ? Stored.BF16 : Stored.F32;
      Paged placed = new Paged(p, code, halves ? 2 * word : word, word, (int) words);
      if (type.isBlocked()) uploadDecoded(segment, type, count, placed);
      else device.uploadPage(segment, p, word);
      traffic.up(words * 4);
      weights.put(segment, placed);
      return placed;
    }
    if (!pagesNoted)
      notes.accept(
          "device memory: no room for a weight of %,d MiB; products with such weights run on the processor. A larger --device-memory helps"
              .formatted(words >> 18));
    pagesNoted = true;
    return null;
  }

  /** The page that holds what a native matrix lies in; null where no page has room. */
  synchronized @Nullable Paged page(MatView m) {
    DType type = m.dtype();
    long count = m.segment().byteSize() / type.blockBytes() * type.blockSize();
    return find(m.segment(), type, count);
  }

  /** Quantised blocks become f32: exact, if large. */
  private void uploadDecoded(MemorySegment from, DType type, long count, Paged to) {
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment piece = arena.allocate(Math.min(count, QUANTISED_PIECE) * 4, 64);
      for (long done = 0; done < count; done += QUANTISED_PIECE) {
        long n = Math.min(count - done, QUANTISED_PIECE);
        for (long i = 0; i < n; i++)
          piece.set(ValueLayout.JAVA_FLOAT, i * 4, MappedWeight.decode(from, type, done + i));
        device.uploadPage(piece.asSlice(0, n * 4), to.page, (int) (to.word + done));
      }
    }
  }

  void up(float[] from, int offset, int length, int to) {
    device.upload(from, offset, length, to);
    traffic.up(4L * length);
  }

  void down(int from, float[] to, int offset, int length) {
    device.download(from, to, offset, length);
    traffic.down(4L * length);
  }
}

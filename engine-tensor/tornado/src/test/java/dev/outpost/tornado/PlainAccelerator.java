package dev.outpost.tornado;

import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CyclicBarrier;
import java.util.concurrent.atomic.AtomicReference;
import uk.ac.manchester.tornado.api.KernelContext;
import uk.ac.manchester.tornado.api.types.arrays.FloatArray;
import uk.ac.manchester.tornado.api.types.arrays.IntArray;

/**
 * Runs the kernels' bodies as the plain Java they are: group after group, the items of a group in a
 * loop or, where they wait for each other, on threads. Its memory begins as NaN, and what an item
 * keeps in a group's memory does too.
 */
final class PlainAccelerator implements Accelerator {
  private final FloatArray heap;
  private final List<IntArray> pages = new ArrayList<>();
  private final int pageInts;
  private final IntArray args = new IntArray(Kernel.ARGS);

  PlainAccelerator(int heapFloats, int pages, int pageInts) {
    heap = new FloatArray(heapFloats);
    for (int i = 0; i < heapFloats; i++) heap.set(i, Float.NaN);
    this.pageInts = pageInts;
    for (int i = 0; i < pages; i++) this.pages.add(new IntArray(pageInts));
  }

  @Override
  public String name() {
    return "plain Java";
  }

  @Override
  public int heapFloats() {
    return heap.getSize();
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
  public void launch(Kernel kernel, int page, int[] numbers, int x, int y, int z) {
    for (int i = 0; i < numbers.length; i++) args.set(i, numbers[i]);
    int[] groups = {x, y, z};
    int[] items = {kernel.itemsX(), kernel.itemsY(), 1};
    int count = items[0] * items[1];
    if (!kernel.meets()) {
      for (int group = 0; group < x * y * z; group++)
        for (int item = 0; item < count; item++)
          run(kernel, page, groups, group, items, item, null);
      return;
    }
    Group shared = new Group(count);
    AtomicReference<Throwable> failure = new AtomicReference<>();
    List<Thread> threads = new ArrayList<>();
    for (int i = 0; i < count; i++) {
      int item = i;
      threads.add(
          Thread.ofVirtual()
              .start(() -> {
                try {
                  for (int group = 0; group < x * y * z; group++) {
                    run(kernel, page, groups, group, items, item, shared);
                    shared.await();
                    shared.forget();
                    shared.await();
                  }
                } catch (Throwable e) {
                  failure.compareAndSet(null, e);
                  shared.barrier.reset();
                }
              }));
    }
    for (Thread t : threads) {
      try {
        t.join();
      } catch (InterruptedException e) {
        throw new IllegalStateException(e);
      }
    }
    if (failure.get() != null)
      throw new AssertionError(kernel + ": " + failure.get(), failure.get());
  }

  private void run(
      Kernel kernel, int page, int[] groups, int group, int[] items, int item, Group shared) {
    int[] at = {group % groups[0], group / groups[0] % groups[1], group / groups[0] / groups[1]};
    int[] local = {item % items[0], item / items[0], 0};
    kernel
        .body()
        .apply(new KernelContext(at, groups, local, items, shared), args, heap, pages.get(page));
  }

  @Override
  public void upload(float[] from, int offset, int length, int to) {
    MemorySegment.copy(
        from, offset, heap.getSegment(), ValueLayout.JAVA_FLOAT_UNALIGNED, to * 4L, length);
  }

  @Override
  public void download(int from, float[] to, int offset, int length) {
    MemorySegment.copy(
        heap.getSegment(), ValueLayout.JAVA_FLOAT_UNALIGNED, from * 4L, to, offset, length);
  }

  @Override
  public void uploadPage(MemorySegment bytes, int page, int to) {
    MemorySegment.copy(bytes, 0, pages.get(page).getSegment(), to * 4L, bytes.byteSize());
  }

  @Override
  public void close() {}

  /** What the items of one group share. */
  private static final class Group implements KernelContext.WorkGroup {
    final CyclicBarrier barrier;
    private final Map<Integer, Object> arrays = new HashMap<>();

    Group(int items) {
      barrier = new CyclicBarrier(items);
    }

    @Override
    public void await() {
      try {
        barrier.await();
      } catch (Exception e) {
        throw new IllegalStateException("the items of a group do not meet", e);
      }
    }

    @Override
    public synchronized float[] floats(int which, int size) {
      return (float[])
          arrays.computeIfAbsent(
              which,
              w -> {
                float[] fresh = new float[size];
                java.util.Arrays.fill(fresh, Float.NaN);
                return fresh;
              });
    }

    @Override
    public synchronized int[] ints(int which, int size) {
      return (int[]) arrays.computeIfAbsent(which, w -> new int[size]);
    }

    synchronized void forget() {
      arrays.clear();
    }
  }
}

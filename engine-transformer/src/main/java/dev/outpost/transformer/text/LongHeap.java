package dev.outpost.transformer.text;

import java.util.Arrays;

/** A binary heap of longs, least first, without boxes. */
final class LongHeap {
  private long[] heap;
  private int size;

  LongHeap(int capacity) {
    heap = new long[Math.max(4, capacity)];
  }

  boolean isEmpty() {
    return size == 0;
  }

  void add(long value) {
    if (size == heap.length) heap = Arrays.copyOf(heap, size * 2);
    int i = size++;
    while (i > 0) {
      int parent = i - 1 >> 1;
      if (heap[parent] <= value) break;
      heap[i] = heap[parent];
      i = parent;
    }
    heap[i] = value;
  }

  long poll() {
    long least = heap[0];
    long moved = heap[--size];
    int i = 0;
    while (true) {
      int child = 2 * i + 1;
      if (child >= size) break;
      if (child + 1 < size && heap[child + 1] < heap[child]) child++;
      if (heap[child] >= moved) break;
      heap[i] = heap[child];
      i = child;
    }
    heap[i] = moved;
    return least;
  }
}

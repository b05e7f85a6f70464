package dev.outpost.transformer.text;

import java.util.Arrays;

/** A growing row of ints. */
final class IntList {
  private int[] values;
  private int size;

  IntList(int capacity) {
    values = new int[capacity];
  }

  void add(int value) {
    if (size == values.length) values = Arrays.copyOf(values, Math.max(8, size * 2));
    values[size++] = value;
  }

  void addAll(int[] more) {
    if (size + more.length > values.length) {
      values = Arrays.copyOf(values, Math.max(size + more.length, size * 2));
    }
    System.arraycopy(more, 0, values, size, more.length);
    size += more.length;
  }

  int capacity() {
    return values.length;
  }

  int get(int i) {
    return values[i];
  }

  void set(int i, int value) {
    values[i] = value;
  }

  void clear() {
    size = 0;
  }

  boolean endsWith(int value) {
    return size > 0 && values[size - 1] == value;
  }

  int size() {
    return size;
  }

  int[] toArray() {
    return Arrays.copyOf(values, size);
  }
}

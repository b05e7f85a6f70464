package dev.outpost.tornado;

import dev.outpost.tensor.Tensor;
import dev.outpost.tensor.kernel.HeadView;
import dev.outpost.tensor.kernel.MatView;
import java.util.ArrayList;
import java.util.List;

/**
 * The operands of one kernel: where each lies on the device. What is the host's gets a place for
 * the call, its numbers brought before and, if written, taken back after. Where there is no place
 * the host's kernels do the work.
 */
final class Call {
  /** An array with the range that the call touches. */
  private static final class Part {
    final float[] array;
    int from;
    int until;
    int uses;
    boolean reads;
    boolean writes;
    int base = Space.FULL;
    boolean lodges;

    Part(float[] array, int from, int until) {
      this.array = array;
      this.from = from;
      this.until = until;
    }

    boolean empty() {
      return until <= from;
    }
  }

  private final Residence residence;
  private final List<Part> parts = new ArrayList<>();

  Call(Residence residence) {
    this.residence = residence;
  }

  private Call use(float[] array, int from, int length, boolean reads, boolean writes) {
    Part part = null;
    for (Part p : parts) if (p.array == array) part = p;
    if (part == null) {
      part = new Part(array, from, from + length);
      parts.add(part);
    }
    part.from = Math.min(part.from, from);
    part.until = Math.max(part.until, from + length);
    part.uses++;
    part.reads |= reads;
    part.writes |= writes;
    return this;
  }

  /** Read. */
  Call in(Tensor t) {
    return use(t.data(), t.offset(), t.size(), true, false);
  }

  /** Written in full without being read. */
  Call out(Tensor t) {
    return use(t.data(), t.offset(), t.size(), false, true);
  }

  /** Read and written. */
  Call inOut(Tensor t) {
    return use(t.data(), t.offset(), t.size(), true, true);
  }

  /** Written, and read first if so. */
  Call out(Tensor t, boolean accumulate) {
    return accumulate ? inOut(t) : out(t);
  }

  /** Numbers of the call itself, read. */
  Call in(float[] numbers) {
    return use(numbers, 0, numbers.length, true, false);
  }

  /** The first numbers of an array, written in full. */
  Call out(float[] numbers, int count) {
    return use(numbers, 0, count, false, true);
  }

  /** A place for so many numbers that only the device sees, known by an array of the caller's. */
  Call scratch(float[] key, int count) {
    return use(key, 0, count, false, false);
  }

  /** Heads of each position, read. */
  Call in(HeadView v, int batch, int time, int width) {
    return use(v.data(), v.offset(), span(v, batch, time, width), true, false);
  }

  /** Heads of each position, written; what lies between them stays. */
  Call out(HeadView v, int batch, int time, int width) {
    return use(v.data(), v.offset(), span(v, batch, time, width), true, true);
  }

  private static int span(HeadView v, int batch, int time, int width) {
    if (batch == 0 || time == 0 || width == 0) return 0;
    return (batch - 1) * v.batchStride() + (time - 1) * v.rowStride() + width;
  }

  /** A matrix on the heap, read. */
  Call in(MatView m) {
    return use(m.data(), (int) m.offset(), span(m), true, false);
  }

  /** A matrix on the heap, written; what lies between its rows stays. */
  Call out(MatView m, boolean accumulate) {
    boolean dense = m.cols() <= 1 && m.rowStride() == 1 || m.rowStride() == m.cols();
    return use(m.data(), (int) m.offset(), span(m), accumulate || !dense, true);
  }

  private static int span(MatView m) {
    if (m.rows() == 0 || m.cols() == 0) return 0;
    return (m.rows() - 1) * m.rowStride() + (m.cols() - 1) * m.colStride() + 1;
  }

  /** Offset on the device of an array's element 0, which itself may lie before the range. */
  int at(float[] array) {
    for (Part p : parts) if (p.array == array) return p.base;
    throw new IllegalArgumentException("call: not an operand");
  }

  /** Offset on the device of a tensor's first element. */
  int at(Tensor t) {
    return at(t.data()) + t.offset();
  }

  /** Offset of element 0 of head 0 at position 0 of sequence 0. */
  int at(HeadView v) {
    return at(v.data()) + v.offset();
  }

  /** Offset of a matrix's first element. */
  int at(MatView m) {
    return at(m.data()) + (int) m.offset();
  }

  /** Does the work on the device if all operands find a place there, else on the host. */
  void run(Runnable onDevice, Runnable onHost) {
    synchronized (residence) {
      runAlone(onDevice, onHost);
    }
  }

  private void runAlone(Runnable onDevice, Runnable onHost) {
    try {
      if (place()) {
        for (Part p : parts)
          if (p.lodges && (p.reads || p.uses > 1))
            residence.up(p.array, p.from, p.until - p.from, p.base + p.from);
        if (!residence.attempt(onDevice)) {
          onHost(onHost);
          return;
        }
        for (Part p : parts)
          if (p.lodges && p.writes)
            residence.down(p.base + p.from, p.array, p.from, p.until - p.from);
      } else {
        onHost(onHost);
      }
    } finally {
      for (Part p : parts) if (p.lodges) residence.give(p.base + p.from, p.until - p.from);
    }
  }

  /** Does the work on the host, with the device's operands brought and taken back. */
  void onHost(Runnable work) {
    synchronized (residence) {
      for (Part p : parts) if (!p.empty() && (p.reads || p.writes)) residence.fetch(tensor(p));
      work.run();
      for (Part p : parts) if (!p.empty() && p.writes) residence.store(tensor(p));
    }
  }

  private static Tensor tensor(Part p) {
    return new Tensor(dev.outpost.tensor.Shape.of(p.until - p.from), p.array, p.from);
  }

  private boolean place() {
    for (Part p : parts) {
      if (p.empty()) continue;
      p.base = residence.find(p.array, p.writes);
      if (p.base != Space.FULL) continue;
      int at = residence.take(p.until - p.from);
      if (at == Space.FULL) return false;
      p.base = at - p.from;
      p.lodges = true;
    }
    return true;
  }
}

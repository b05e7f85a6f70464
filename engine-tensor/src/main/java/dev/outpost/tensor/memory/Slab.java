package dev.outpost.tensor.memory;

import java.util.Arrays;
import org.jspecify.annotations.Nullable;

/** One array, cut into blocks that lie side by side; two free neighbours are always one block. */
final class Slab {
  /** Blocks begin at multiples of this many floats: a cache line. */
  static final int GRAIN = 16;

  /** Part of the array, free or on loan. */
  static final class Block {
    private final Slab slab;
    private final int offset;
    private int length;
    private boolean lent;

    /** Whether the user keeps it beyond the step. */
    boolean kept;

    private Block(Slab slab, int offset, int length) {
      this.slab = slab;
      this.offset = offset;
      this.length = length;
    }

    int length() {
      return length;
    }

    int offset() {
      return offset;
    }

    boolean isLent() {
      return lent;
    }

    Slab slab() {
      return slab;
    }
  }

  private final float[] data;

  /** The first {@code count}, in order of their offsets; what follows means nothing. */
  private Block[] blocks = new Block[8];

  private int count = 1;

  Slab(int length) {
    data = new float[length];
    blocks[0] = new Block(this, 0, length);
  }

  float[] data() {
    return data;
  }

  /** The block that holds element {@code offset}. */
  Block at(int offset) {
    return blocks[index(offset)];
  }

  private int index(int offset) {
    int low = 0;
    int high = count - 1;
    while (low < high) {
      int middle = (low + high + 1) >>> 1;
      if (blocks[middle].offset <= offset) low = middle;
      else high = middle - 1;
    }
    return low;
  }

  /** The smallest free block of at least {@code length}, if it is smaller than {@code than}. */
  @Nullable Block smallest(int length, @Nullable Block than) {
    Block best = than;
    for (int i = 0; i < count; i++) {
      Block b = blocks[i];
      if (!b.lent && b.length >= length && (best == null || b.length < best.length)) best = b;
    }
    return best;
  }

  /** Lends the first {@code length} elements of a free block. */
  void lend(Block b, int length) {
    b.lent = true;
    b.kept = false;
    if (b.length == length) return;
    insert(index(b.offset) + 1, new Block(this, b.offset + length, b.length - length));
    b.length = length;
  }

  private void insert(int at, Block b) {
    if (count == blocks.length) blocks = Arrays.copyOf(blocks, 2 * count);
    System.arraycopy(blocks, at, blocks, at + 1, count - at);
    blocks[at] = b;
    count++;
  }

  /** Takes a block back and joins it with the free ones beside it. */
  void giveBack(Block b) {
    b.lent = false;
    int i = index(b.offset);
    if (i + 1 < count && !blocks[i + 1].lent) join(i);
    if (i > 0 && !blocks[i - 1].lent) join(i - 1);
  }

  private void join(int i) {
    blocks[i].length += blocks[i + 1].length;
    System.arraycopy(blocks, i + 2, blocks, i + 1, count - i - 2);
    count--;
  }

  /** Takes back all that is not kept; returns how many elements that were. */
  long giveBackUnkept() {
    long freed = 0;
    int to = 0;
    for (int i = 0; i < count; i++) {
      Block b = blocks[i];
      if (b.lent && !b.kept) {
        b.lent = false;
        freed += b.length;
      }
      Block last = to == 0 ? null : blocks[to - 1];
      if (last != null && !last.lent && !b.lent) last.length += b.length;
      else blocks[to++] = b;
    }
    count = to;
    return freed;
  }

  /** Whether nothing is on loan. */
  boolean isFree() {
    return count == 1 && !blocks[0].lent;
  }
}

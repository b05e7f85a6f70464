package uk.ac.manchester.tornado.api.types.arrays;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;

public final class IntArray extends TornadoNativeArray {
  private final MemorySegment segment;

  public IntArray(int numberOfElements) {
    this(Arena.ofAuto().allocate(numberOfElements * 4L + ARRAY_HEADER, 64));
  }

  private IntArray(MemorySegment withHeader) {
    segment = withHeader;
  }

  public static IntArray fromSegmentShallow(MemorySegment segment) {
    return new IntArray(segment);
  }

  public int get(int index) {
    return segment.get(ValueLayout.JAVA_INT_UNALIGNED, ARRAY_HEADER + index * 4L);
  }

  public void set(int index, int value) {
    segment.set(ValueLayout.JAVA_INT_UNALIGNED, ARRAY_HEADER + index * 4L, value);
  }

  @Override
  public int getSize() {
    return (int) ((segment.byteSize() - ARRAY_HEADER) / 4);
  }

  @Override
  public MemorySegment getSegment() {
    return segment.asSlice(ARRAY_HEADER);
  }
}

package uk.ac.manchester.tornado.api.types.arrays;

import java.lang.foreign.MemorySegment;

/** An array outside the heap. */
public abstract class TornadoNativeArray {
  /** Bytes before the elements. Not a constant to the compiler: the real one depends on the JVM. */
  public static final long ARRAY_HEADER = Long.parseLong("16");

  public abstract int getSize();

  public abstract MemorySegment getSegment();
}

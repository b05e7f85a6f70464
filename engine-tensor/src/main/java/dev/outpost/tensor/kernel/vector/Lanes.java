package dev.outpost.tensor.kernel.vector;

import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.IntVector;
import jdk.incubator.vector.VectorOperators;
import jdk.incubator.vector.VectorShape;
import jdk.incubator.vector.VectorShuffle;
import jdk.incubator.vector.VectorSpecies;

/**
 * The vector width of this JVM, fixed at class load so that C2 sees constants: the machine's
 * preferred one, or the bits named by the system property {@code outpost.vector.bits} (128, 256,
 * 512).
 */
final class Lanes {
  static final String PROPERTY = "outpost.vector.bits";
  static final VectorSpecies<Float> F = species();
  static final VectorSpecies<Integer> I = VectorSpecies.of(int.class, F.vectorShape());
  static final VectorSpecies<Double> D = VectorSpecies.of(double.class, F.vectorShape());

  /** As many 16-bit lanes as {@link #F} has floats. */
  static final VectorSpecies<Short> H =
      VectorSpecies.of(short.class, VectorShape.forBitSize(F.vectorBitSize() / 2));

  static final int VL = F.length();

  private static final VectorShuffle<Float> ROTATE_8 = rotate(8);
  private static final VectorShuffle<Float> ROTATE_4 = rotate(4);
  private static final VectorShuffle<Float> ROTATE_2 = rotate(2);
  private static final VectorShuffle<Float> ROTATE_1 = rotate(1);

  private Lanes() {}

  static int bits() {
    return F.vectorBitSize();
  }

  /** Vector registers: AVX-512 and the 64-bit Arm and RISC-V machines have 32, AVX2 has 16. */
  static int registers() {
    boolean x86 = System.getProperty("os.arch", "").matches("amd64|x86_64|x86|i386");
    return !x86 || FloatVector.SPECIES_PREFERRED.vectorBitSize() >= 512 ? 32 : 16;
  }

  /** {@code n} rounded down to whole vectors. */
  static int bound(int n) {
    return n & -VL;
  }

  /**
   * Sum of the lanes by halving. {@code reduceLanes} leaves the order open, and the interpreter and
   * C2 take different ones; here the bits are the same before and after compilation.
   */
  static float sum(FloatVector v) {
    FloatVector s = v;
    if (VL >= 16) s = s.add(s.rearrange(ROTATE_8));
    if (VL >= 8) s = s.add(s.rearrange(ROTATE_4));
    if (VL >= 4) s = s.add(s.rearrange(ROTATE_2));
    return s.add(s.rearrange(ROTATE_1)).lane(0);
  }

  /** The larger of each lane; NaN in b is passed over. Two instructions; Java's max takes five. */
  static FloatVector larger(FloatVector a, FloatVector b) {
    return a.blend(b, b.compare(VectorOperators.GT, a));
  }

  /** Largest lane; NaN if there is one. */
  static float max(FloatVector v) {
    return v.reduceLanes(VectorOperators.MAX);
  }

  static FloatVector load(float[] a, int at) {
    return FloatVector.fromArray(F, a, at);
  }

  static FloatVector all(float value) {
    return FloatVector.broadcast(F, value);
  }

  static IntVector all(int value) {
    return IntVector.broadcast(I, value);
  }

  private static VectorShuffle<Float> rotate(int by) {
    return VectorShuffle.fromOp(F, i -> (i + by) % F.length());
  }

  private static VectorSpecies<Float> species() {
    Integer forced = Integer.getInteger(PROPERTY);
    if (forced == null) return FloatVector.SPECIES_PREFERRED;
    return switch (forced) {
      case 128 -> FloatVector.SPECIES_128;
      case 256 -> FloatVector.SPECIES_256;
      case 512 -> FloatVector.SPECIES_512;
      default ->
          throw new IllegalArgumentException(
              PROPERTY
                  + ": must be 128, 256 or 512, got "
                  + forced
                  + "; leave it out for this CPU's own");
    };
  }
}

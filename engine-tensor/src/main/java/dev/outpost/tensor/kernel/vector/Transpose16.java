package dev.outpost.tensor.kernel.vector;

import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.VectorSpecies;

/**
 * A 16×16 transpose in 16 registers of 512 bits: four rounds of exchanging off-diagonal blocks of
 * 8, 4, 2 and 1 lanes (Eklundh 1972). Written out because C2 keeps only local variables in
 * registers.
 */
final class Transpose16 {
  static final int SIZE = 16;
  private static final VectorSpecies<Float> F = FloatVector.SPECIES_512;
  private static final FloatVector LOW_8 = low(8);
  private static final FloatVector HIGH_8 = high(8);
  private static final FloatVector LOW_4 = low(4);
  private static final FloatVector HIGH_4 = high(4);
  private static final FloatVector LOW_2 = low(2);
  private static final FloatVector HIGH_2 = high(2);
  private static final FloatVector LOW_1 = low(1);
  private static final FloatVector HIGH_1 = high(1);

  private Transpose16() {}

  /** {@code dst[at + k·w + i] = src[from + i·ld + k]} for i, k in 0 … 15. */
  static void copy(float[] src, int from, int ld, float[] dst, int at, int w) {
    FloatVector r0 = FloatVector.fromArray(F, src, from);
    FloatVector r1 = FloatVector.fromArray(F, src, from + ld);
    FloatVector r2 = FloatVector.fromArray(F, src, from + 2 * ld);
    FloatVector r3 = FloatVector.fromArray(F, src, from + 3 * ld);
    FloatVector r4 = FloatVector.fromArray(F, src, from + 4 * ld);
    FloatVector r5 = FloatVector.fromArray(F, src, from + 5 * ld);
    FloatVector r6 = FloatVector.fromArray(F, src, from + 6 * ld);
    FloatVector r7 = FloatVector.fromArray(F, src, from + 7 * ld);
    FloatVector r8 = FloatVector.fromArray(F, src, from + 8 * ld);
    FloatVector r9 = FloatVector.fromArray(F, src, from + 9 * ld);
    FloatVector r10 = FloatVector.fromArray(F, src, from + 10 * ld);
    FloatVector r11 = FloatVector.fromArray(F, src, from + 11 * ld);
    FloatVector r12 = FloatVector.fromArray(F, src, from + 12 * ld);
    FloatVector r13 = FloatVector.fromArray(F, src, from + 13 * ld);
    FloatVector r14 = FloatVector.fromArray(F, src, from + 14 * ld);
    FloatVector r15 = FloatVector.fromArray(F, src, from + 15 * ld);
    FloatVector t;
    t = LOW_8.selectFrom(r0, r8);
    r8 = HIGH_8.selectFrom(r0, r8);
    r0 = t;
    t = LOW_8.selectFrom(r1, r9);
    r9 = HIGH_8.selectFrom(r1, r9);
    r1 = t;
    t = LOW_8.selectFrom(r2, r10);
    r10 = HIGH_8.selectFrom(r2, r10);
    r2 = t;
    t = LOW_8.selectFrom(r3, r11);
    r11 = HIGH_8.selectFrom(r3, r11);
    r3 = t;
    t = LOW_8.selectFrom(r4, r12);
    r12 = HIGH_8.selectFrom(r4, r12);
    r4 = t;
    t = LOW_8.selectFrom(r5, r13);
    r13 = HIGH_8.selectFrom(r5, r13);
    r5 = t;
    t = LOW_8.selectFrom(r6, r14);
    r14 = HIGH_8.selectFrom(r6, r14);
    r6 = t;
    t = LOW_8.selectFrom(r7, r15);
    r15 = HIGH_8.selectFrom(r7, r15);
    r7 = t;
    t = LOW_4.selectFrom(r0, r4);
    r4 = HIGH_4.selectFrom(r0, r4);
    r0 = t;
    t = LOW_4.selectFrom(r1, r5);
    r5 = HIGH_4.selectFrom(r1, r5);
    r1 = t;
    t = LOW_4.selectFrom(r2, r6);
    r6 = HIGH_4.selectFrom(r2, r6);
    r2 = t;
    t = LOW_4.selectFrom(r3, r7);
    r7 = HIGH_4.selectFrom(r3, r7);
    r3 = t;
    t = LOW_4.selectFrom(r8, r12);
    r12 = HIGH_4.selectFrom(r8, r12);
    r8 = t;
    t = LOW_4.selectFrom(r9, r13);
    r13 = HIGH_4.selectFrom(r9, r13);
    r9 = t;
    t = LOW_4.selectFrom(r10, r14);
    r14 = HIGH_4.selectFrom(r10, r14);
    r10 = t;
    t = LOW_4.selectFrom(r11, r15);
    r15 = HIGH_4.selectFrom(r11, r15);
    r11 = t;
    t = LOW_2.selectFrom(r0, r2);
    r2 = HIGH_2.selectFrom(r0, r2);
    r0 = t;
    t = LOW_2.selectFrom(r1, r3);
    r3 = HIGH_2.selectFrom(r1, r3);
    r1 = t;
    t = LOW_2.selectFrom(r4, r6);
    r6 = HIGH_2.selectFrom(r4, r6);
    r4 = t;
    t = LOW_2.selectFrom(r5, r7);
    r7 = HIGH_2.selectFrom(r5, r7);
    r5 = t;
    t = LOW_2.selectFrom(r8, r10);
    r10 = HIGH_2.selectFrom(r8, r10);
    r8 = t;
    t = LOW_2.selectFrom(r9, r11);
    r11 = HIGH_2.selectFrom(r9, r11);
    r9 = t;
    t = LOW_2.selectFrom(r12, r14);
    r14 = HIGH_2.selectFrom(r12, r14);
    r12 = t;
    t = LOW_2.selectFrom(r13, r15);
    r15 = HIGH_2.selectFrom(r13, r15);
    r13 = t;
    t = LOW_1.selectFrom(r0, r1);
    r1 = HIGH_1.selectFrom(r0, r1);
    r0 = t;
    t = LOW_1.selectFrom(r2, r3);
    r3 = HIGH_1.selectFrom(r2, r3);
    r2 = t;
    t = LOW_1.selectFrom(r4, r5);
    r5 = HIGH_1.selectFrom(r4, r5);
    r4 = t;
    t = LOW_1.selectFrom(r6, r7);
    r7 = HIGH_1.selectFrom(r6, r7);
    r6 = t;
    t = LOW_1.selectFrom(r8, r9);
    r9 = HIGH_1.selectFrom(r8, r9);
    r8 = t;
    t = LOW_1.selectFrom(r10, r11);
    r11 = HIGH_1.selectFrom(r10, r11);
    r10 = t;
    t = LOW_1.selectFrom(r12, r13);
    r13 = HIGH_1.selectFrom(r12, r13);
    r12 = t;
    t = LOW_1.selectFrom(r14, r15);
    r15 = HIGH_1.selectFrom(r14, r15);
    r14 = t;
    r0.intoArray(dst, at);
    r1.intoArray(dst, at + w);
    r2.intoArray(dst, at + 2 * w);
    r3.intoArray(dst, at + 3 * w);
    r4.intoArray(dst, at + 4 * w);
    r5.intoArray(dst, at + 5 * w);
    r6.intoArray(dst, at + 6 * w);
    r7.intoArray(dst, at + 7 * w);
    r8.intoArray(dst, at + 8 * w);
    r9.intoArray(dst, at + 9 * w);
    r10.intoArray(dst, at + 10 * w);
    r11.intoArray(dst, at + 11 * w);
    r12.intoArray(dst, at + 12 * w);
    r13.intoArray(dst, at + 13 * w);
    r14.intoArray(dst, at + 14 * w);
    r15.intoArray(dst, at + 15 * w);
  }

  /** Lanes of the first row that stay, and in their gaps those of the second, w further down. */
  private static FloatVector low(int w) {
    float[] index = new float[SIZE];
    for (int l = 0; l < SIZE; l++) index[l] = (l & w) == 0 ? l : SIZE + l - w;
    return FloatVector.fromArray(F, index, 0);
  }

  private static FloatVector high(int w) {
    float[] index = new float[SIZE];
    for (int l = 0; l < SIZE; l++) index[l] = (l & w) == 0 ? l + w : SIZE + l;
    return FloatVector.fromArray(F, index, 0);
  }
}

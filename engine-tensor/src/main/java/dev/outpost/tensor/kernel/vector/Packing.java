package dev.outpost.tensor.kernel.vector;

import static dev.outpost.tensor.kernel.vector.Lanes.VL;
import static dev.outpost.tensor.kernel.vector.Lanes.load;

import dev.outpost.tensor.kernel.MatView;
import java.util.Arrays;

/**
 * Copies a block of a matrix into panels that the register tile reads in order; here strides,
 * transposes, stored types and ragged edges disappear. Panel p of width w holds {@code dst[(p·kc +
 * k)·w + i] = x(p·w + i, k)}, zero beyond the last i. For a, i counts rows; for b, columns.
 */
final class Packing {
  /** Steps of k whose panel lines, 128 bytes each, take half of a first-level cache. */
  private static final int STRETCH = 128;

  private Packing() {}

  /** Panels of {@code x[i0 … i0+count, k0 … k0+kc]}. {@code scratch} holds {@code w·kc} floats. */
  static void panels(
      MatView x, int i0, int count, int k0, int kc, int w, float[] dst, int at, float[] scratch) {
    long offset = x.offset() + (long) i0 * x.rowStride() + (long) k0 * x.colStride();
    int si = x.rowStride();
    int sk = x.colStride();
    if (x.onHeap()) {
      heap(x.data(), (int) offset, si, sk, count, kc, w, dst, at);
      return;
    }
    for (int i = 0; i < count; i += w, at += w * kc) {
      int n = Math.min(w, count - i);
      long from = offset + (long) i * si;
      if (n < w) Arrays.fill(dst, at, at + w * kc, 0);
      if (si == 1) {
        Decode.rows(x.segment(), x.dtype(), from, sk, kc, n, dst, at, w);
      } else if (sk == 1) {
        Decode.rows(x.segment(), x.dtype(), from, si, n, kc, scratch, 0, kc);
        transposed(scratch, 0, kc, n, kc, w, dst, at);
      } else {
        for (int k = 0; k < kc; k++)
          for (int r = 0; r < n; r++) dst[at + k * w + r] = x.at(i0 + i + r, k0 + k);
      }
    }
  }

  /** Panels of heap elements {@code src[offset + i·si + k·sk]}. */
  static void heap(
      float[] src, int offset, int si, int sk, int count, int kc, int w, float[] dst, int at) {
    int whole = si == 1 ? count / w : 0;
    if (whole > 0) straight(src, offset, sk, whole, kc, w, dst, at);
    at += whole * w * kc;
    for (int i = whole * w; i < count; i += w, at += w * kc) {
      int n = Math.min(w, count - i);
      int from = offset + i * si;
      if (n < w) Arrays.fill(dst, at, at + w * kc, 0);
      if (sk == 1) transposed(src, from, si, n, kc, w, dst, at);
      else
        for (int k = 0; k < kc; k++)
          for (int r = 0; r < n; r++) dst[at + k * w + r] = src[from + r * si + k * sk];
    }
  }

  /**
   * Neighbouring i are neighbours in memory: {@code panels} whole panels, read row by row as memory
   * lies. A vector may stick out beyond its w elements into the next k, which is written
   * afterwards; the last few k are copied exactly.
   */
  private static void straight(
      float[] src, int from, int sk, int panels, int kc, int w, float[] dst, int at) {
    int wide = (w + VL - 1) & -VL;
    int end = from + (panels - 1) * w + wide;
    int k = 0;
    for (; k < kc && k * w + wide <= kc * w && k * sk + end <= src.length; k++)
      for (int p = 0; p < panels; p++)
        for (int i = 0; i < w; i += VL)
          load(src, from + k * sk + p * w + i).intoArray(dst, at + (p * kc + k) * w + i);
    for (; k < kc; k++)
      for (int p = 0; p < panels; p++)
        for (int i = 0; i < w; i++) dst[at + (p * kc + k) * w + i] = src[from + k * sk + p * w + i];
  }

  /**
   * Neighbouring k are neighbours in memory: four runs are read side by side, a stretch of k at a
   * time, so that the panel's lines stay in the first-level cache until all their runs are there.
   */
  private static void transposed(
      float[] src, int from, int si, int n, int kc, int w, float[] dst, int at) {
    for (int k0 = 0; k0 < kc; k0 += STRETCH) {
      int k1 = Math.min(kc, k0 + STRETCH);
      int i = squares(src, from, si, n, k0, k1, w, dst, at);
      for (; i + 4 <= n; i += 4) four(src, from + i * si, si, k0, k1, w, dst, at + i);
      for (; i < n; i++) for (int k = k0; k < k1; k++) dst[at + k * w + i] = src[from + i * si + k];
    }
  }

  /**
   * As many rows as whole squares of 16 cover, where vectors are that wide and the panel leaves no
   * gap between them.
   *
   * @return rows done
   */
  private static int squares(
      float[] src, int from, int si, int n, int k0, int k1, int w, float[] dst, int at) {
    int size = Transpose16.SIZE;
    if (VL != size || w % size != 0 || n < size || k1 - k0 < size) return 0;
    int rows = n & -size;
    int k = k0;
    for (; k + size <= k1; k += size)
      for (int i = 0; i < rows; i += size)
        Transpose16.copy(src, from + i * si + k, si, dst, at + k * w + i, w);
    for (; k < k1; k++) for (int i = 0; i < rows; i++) dst[at + k * w + i] = src[from + i * si + k];
    return rows;
  }

  private static void four(
      float[] src, int from, int si, int k0, int k1, int w, float[] dst, int at) {
    int s1 = from + si;
    int s2 = s1 + si;
    int s3 = s2 + si;
    for (int k = k0; k < k1; k++) {
      int d = at + k * w;
      dst[d] = src[from + k];
      dst[d + 1] = src[s1 + k];
      dst[d + 2] = src[s2 + k];
      dst[d + 3] = src[s3 + k];
    }
  }
}

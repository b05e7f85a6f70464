package dev.outpost.tensor.kernel.vector;

import static dev.outpost.tensor.kernel.vector.Lanes.VL;

import java.util.Arrays;

/**
 * The products of attention's small blocks. Unlike the matrix product's, the left operand is not
 * packed: it lies row by row or, as the transpose of such, column by column, so that scores, their
 * gradients and the rows of a head are used where they are.
 */
final class AttentionTile {
  static final int MR = Lanes.registers() >= 32 ? AttentionTile8.MR : AttentionTile4.MR;
  static final int NR = 2 * VL;

  private AttentionTile() {}

  /**
   * {@code c[m, NR] (+)= a·b}, a [m, kc] row by row, b [kc, NR]. m is a multiple of MR.
   *
   * @param ldc elements between the rows of c
   */
  static void rows(int m, int kc, float[] w, int a, int lda, int b, int c, int ldc, boolean add) {
    for (int i = 0; i < m; i += MR) {
      if (MR == AttentionTile8.MR)
        AttentionTile8.rows(kc, w, a + i * lda, lda, w, b, w, c + i * ldc, ldc, add);
      else AttentionTile4.rows(kc, w, a + i * lda, lda, w, b, w, c + i * ldc, ldc, add);
    }
  }

  /**
   * {@code c[m, NR] (+)= aᵀ·b}, a [kc, m] row by row, b [kc, NR], c row by row. m is a multiple of
   * MR.
   *
   * @param lda elements between the rows of a
   */
  static void columns(int m, int kc, float[] w, int a, int lda, int b, int c, boolean add) {
    for (int i = 0; i < m; i += MR) {
      if (MR == AttentionTile8.MR)
        AttentionTile8.columns(kc, w, a + i, lda, w, b, w, c + i * NR, NR, add);
      else AttentionTile4.columns(kc, w, a + i, lda, w, b, w, c + i * NR, NR, add);
    }
  }

  /** n rounded up to whole tiles. */
  static int up(int n) {
    return (n + MR - 1) / MR * MR;
  }

  /** Rows of a head, side by side; zeros up to {@code up(rows)}. */
  static void copyRows(float[] src, int from, int stride, int rows, int dim, float[] w, int at) {
    for (int r = 0; r < rows; r++) System.arraycopy(src, from + r * stride, w, at + r * dim, dim);
    Arrays.fill(w, at + rows * dim, at + up(rows) * dim, 0);
  }

  /** {@code dst[at + j·ld + d] = w[from + d·NR + j]} for j below n, d below dim. */
  static void transposed(float[] w, int from, int n, int dim, float[] dst, int at, int ld) {
    int size = Transpose16.SIZE;
    boolean squares = VL == size && dim % size == 0;
    int j = 0;
    for (; squares && j + size <= n; j += size)
      for (int d = 0; d < dim; d += size)
        Transpose16.copy(w, from + d * NR + j, NR, dst, at + j * ld + d, ld);
    for (; j < n; j++) for (int d = 0; d < dim; d++) dst[at + j * ld + d] = w[from + d * NR + j];
  }
}

package dev.outpost.tensor.kernel.vector;

import static dev.outpost.tensor.kernel.vector.Lanes.VL;
import static dev.outpost.tensor.kernel.vector.Lanes.load;

import dev.outpost.tensor.kernel.MatView;
import dev.outpost.tensor.kernel.Team;

/**
 * The matrix product by blocks (Goto & van de Geijn 2008): pack a slab of b and of a, meet the
 * team, then share out a grid of (mc rows × nb columns) tasks. Each element of c sums its k in one
 * order, whatever the number of threads.
 */
final class PackedGemm {
  static final TileTable T = TileTable.HERE;
  static final int MR = T.mr();
  static final int NR = T.nr();

  /** Panels packed by one task. */
  private static final int PANELS = 8;

  /** With eight, the last to end keeps the others waiting for some 6 % of the time at worst. */
  private static final int TASKS_PER_THREAD = 8;

  private final Team team;
  private final Scratch scratch;
  private float[] packedA = new float[0];
  private float[] packedB = new float[0];

  PackedGemm(Team team, Scratch scratch) {
    this.team = team;
    this.scratch = scratch;
  }

  /** c is on the heap with column stride 1. Synchronized: the panels are this object's. */
  synchronized void multiply(MatView a, MatView b, MatView c, boolean accumulate) {
    int m = c.rows();
    int n = c.cols();
    int k = a.cols();
    int depth = T.depth(k);
    MatView bt = b.t();
    for (int p = 0; p < k; p += depth) {
      int kc = Math.min(depth, k - p);
      for (int i = 0; i < m; i += T.ms()) {
        int ms = Math.min(T.ms(), m - i);
        packedA = grown(packedA, up(ms, MR) * kc);
        for (int j = 0; j < n; j += T.nc()) {
          int nc = Math.min(T.nc(), n - j);
          packedB = Scratch.aligned(packedB, up(nc, NR) * kc);
          boolean stays = i > 0 && n <= T.nc();
          pack(a, i, j == 0 ? ms : 0, bt, j, stays ? 0 : nc, p, kc);
          compute(c, i, ms, j, nc, kc, accumulate || p > 0);
        }
      }
    }
  }

  private void pack(MatView a, int i0, int ms, MatView bt, int j0, int nc, int p, int kc) {
    int stepA = PANELS * MR;
    int stepB = PANELS * NR;
    int tasksA = (ms + stepA - 1) / stepA;
    int tasksB = (nc + stepB - 1) / stepB;
    long work = (long) (ms + nc) * kc;
    Split.tasks(
        team,
        work,
        tasksA + tasksB,
        t -> {
          float[] spare = scratch.take(Math.max(MR, NR) * T.kc());
          if (t < tasksA) {
            int i = t * stepA;
            int count = Math.min(stepA, ms - i);
            Packing.panels(a, i0 + i, count, p, kc, MR, packedA, Scratch.ALIGN + i * kc, spare);
          } else {
            int j = (t - tasksA) * stepB;
            int count = Math.min(stepB, nc - j);
            Packing.panels(bt, j0 + j, count, p, kc, NR, packedB, Scratch.ALIGN + j * kc, spare);
          }
          scratch.give(spare);
        });
  }

  private void compute(MatView c, int i0, int ms, int j0, int nc, int kc, boolean add) {
    int rows = (ms + T.mc() - 1) / T.mc();
    int mc = up((ms + rows - 1) / rows, MR);
    int nb = columnsPerTask(rows, nc);
    int columns = (nc + nb - 1) / nb;
    long work = (long) ms * nc * kc / 16;
    Split.tasks(
        team,
        work,
        rows * columns,
        t -> {
          int i = t % rows * mc;
          int j = t / rows * nb;
          if (i >= ms) return;
          float[] tile = scratch.take(MR * NR);
          block(
              Math.min(mc, ms - i),
              Math.min(nb, nc - j),
              kc,
              packedA,
              Scratch.ALIGN + i * kc,
              packedB,
              Scratch.ALIGN + j * kc,
              kc,
              c.data(),
              (int) c.offset() + (i0 + i) * c.rowStride() + j0 + j,
              c.rowStride(),
              add,
              tile,
              0);
          scratch.give(tile);
        });
  }

  /**
   * Few tasks would leave threads waiting for the last one. Where tasks end changes no result: each
   * element of c is one task's, and its k have one order.
   */
  private int columnsPerTask(int rows, int nc) {
    int nb = T.nb();
    while (nb > 2 * NR && rows * ((nc + nb - 1) / nb) < TASKS_PER_THREAD * team.threads()) nb /= 2;
    return nb;
  }

  /**
   * {@code c[m, n] (+)= a·b} of packed panels, over their first kc.
   *
   * @param depth rows of b that its panels hold, at least kc
   * @param tile room for one register tile
   * @param to index of that room
   */
  static void block(
      int m,
      int n,
      int kc,
      float[] a,
      int ao,
      float[] b,
      int bo,
      int depth,
      float[] c,
      int co,
      int ldc,
      boolean add,
      float[] tile,
      int to) {
    for (int j = 0; j < n; j += NR)
      for (int i = 0; i < m; i += MR) {
        tile(kc, a, ao + i * kc, b, bo + j * depth, tile, to);
        put(tile, to, Math.min(MR, m - i), Math.min(NR, n - j), c, co + i * ldc + j, ldc, add);
      }
  }

  /** MR is a constant, so one branch remains. */
  private static void tile(int kc, float[] a, int ao, float[] b, int bo, float[] tile, int to) {
    if (MR == Tile12x2.MR) Tile12x2.multiply(kc, a, ao, b, bo, tile, to);
    else Tile4x2.multiply(kc, a, ao, b, bo, tile, to);
  }

  /** The tile's first m rows and n columns into c. */
  private static void put(
      float[] tile, int to, int m, int n, float[] c, int co, int ldc, boolean add) {
    if (n < NR) {
      ragged(tile, to, m, n, c, co, ldc, add);
    } else if (add) {
      for (int i = 0, at = co, from = to; i < m; i++, at += ldc, from += NR) {
        load(tile, from).add(load(c, at)).intoArray(c, at);
        load(tile, from + VL).add(load(c, at + VL)).intoArray(c, at + VL);
      }
    } else {
      for (int i = 0, at = co, from = to; i < m; i++, at += ldc, from += NR) {
        load(tile, from).intoArray(c, at);
        load(tile, from + VL).intoArray(c, at + VL);
      }
    }
  }

  private static void ragged(
      float[] tile, int to, int m, int n, float[] c, int co, int ldc, boolean add) {
    for (int i = 0; i < m; i++) {
      int at = co + i * ldc;
      int j = 0;
      for (; j + VL <= n; j += VL) {
        var x = load(tile, to + i * NR + j);
        (add ? x.add(load(c, at + j)) : x).intoArray(c, at + j);
      }
      for (; j < n; j++)
        c[at + j] = add ? c[at + j] + tile[to + i * NR + j] : tile[to + i * NR + j];
    }
  }

  static int up(int n, int step) {
    return (n + step - 1) / step * step;
  }

  private static float[] grown(float[] panels, int size) {
    return panels.length >= size + Scratch.ALIGN ? panels : new float[size + Scratch.ALIGN];
  }
}

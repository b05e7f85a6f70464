package dev.outpost.tensor.kernel.vector;

/**
 * The sizes of the matrix product's blocks: data, chosen by how many vector registers there are
 * (BLIS, Van Zee & van de Geijn 2015).
 *
 * @param mr rows of the register tile
 * @param nv vectors per row of the register tile; {@code mr·nv} accumulators, {@code nv} vectors of
 *     b and one broadcast of a must fit in the registers
 * @param mc rows of a per task, a multiple of mr: {@code mc·kc} floats stay in the second-level
 *     cache
 * @param kc depth of a block: {@code kc·nr} floats of b stay in the first-level cache
 * @param nc columns of b packed at a time
 * @param nb columns per task
 * @param ms rows of a packed at a time, a multiple of mc
 */
record TileTable(int mr, int nv, int mc, int kc, int nc, int nb, int ms) {
  static final TileTable HERE = forRegisters(Lanes.registers());

  static TileTable forRegisters(int registers) {
    return registers >= 32
        ? new TileTable(8, 2, 64, 256, 3072, 512, 2048)
        : new TileTable(4, 2, 64, 256, 3072, 512, 2048);
  }

  /** Columns of the register tile. */
  int nr() {
    return nv * Lanes.VL;
  }
}

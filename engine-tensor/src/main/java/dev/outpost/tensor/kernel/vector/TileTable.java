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
 * @param kc depth of a block: deep, because every pass over k reads and writes c once more, and its
 *     lines come from memory; {@code kc·nr} floats of b come from the second-level cache in time
 * @param nc columns of b packed at a time: {@code kc·nc} floats stay in the last-level cache
 * @param nb columns per task
 * @param ms rows of a packed at a time, a multiple of mc
 */
record TileTable(int mr, int nv, int mc, int kc, int nc, int nb, int ms) {
  static final TileTable HERE = forRegisters(Lanes.registers());

  static TileTable forRegisters(int registers) {
    int mr = registers >= 32 ? Tile12x2.MR : Tile4x2.MR;
    return new TileTable(mr, 2, 96, 1024, 1024, 256, 2304);
  }

  /**
   * Depth of the blocks that a product over {@code k} is cut into: at most kc, all about equal,
   * whole vectors and whole quantisation blocks of 32.
   */
  int depth(int k) {
    int blocks = Math.max(1, (k + kc - 1) / kc);
    return PackedGemm.up((k + blocks - 1) / blocks, 32);
  }

  /** Columns of the register tile. */
  int nr() {
    return nv * Lanes.VL;
  }
}

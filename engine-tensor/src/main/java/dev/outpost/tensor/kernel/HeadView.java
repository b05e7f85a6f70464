package dev.outpost.tensor.kernel;

import dev.outpost.tensor.Tensor;

/**
 * Heads inside a larger array: element d of head h at position t of sequence b is {@code
 * data[offset + b·batchStride + t·rowStride + h·headDim + d]}. So a fused {@code [B·T, 3C]}
 * projection is three views of one tensor, and a KV cache is a view with its own capacity as batch
 * stride.
 *
 * @param data heap array
 * @param offset index of sequence 0, position 0, head 0
 * @param batchStride elements between sequences
 * @param rowStride elements between positions
 */
public record HeadView(float[] data, int offset, int batchStride, int rowStride) {
  /** Columns {@code [column, …)} of a tensor [B·T, cols] with {@code time} rows per sequence. */
  public static HeadView of(Tensor t, int time, int column) {
    return new HeadView(t.data(), t.offset() + column, time * t.cols(), t.cols());
  }

  /** Index of element 0 of head h at position t of sequence b. */
  public int at(int b, int t, int h, int headDim) {
    return offset + b * batchStride + t * rowStride + h * headDim;
  }
}

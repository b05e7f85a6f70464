package dev.outpost.autograd.op;

import dev.outpost.autograd.Backward;
import dev.outpost.autograd.Grads;
import dev.outpost.autograd.Tape;
import dev.outpost.autograd.Var;
import dev.outpost.tensor.Shape;
import dev.outpost.tensor.ShapeException;
import dev.outpost.tensor.Tensor;
import dev.outpost.tensor.kernel.Kernels;
import dev.outpost.tensor.kernel.MatView;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * Images cut into squares, each projected (Dosovitskiy et al. 2021, eq. 1): a convolution whose
 * stride is its kernel's size, computed as one product {@code y = U·Wᵀ + b} of the unfolded patches
 * U [B·N, channels·P·P]. N = (height/P)·(width/P), patches row by row; what does not fill a patch
 * at the right and the bottom is not read.
 *
 * <p>Backward: {@code dW = dyᵀ·U, db = Σ_rows dy}. Images are data: no gradient reaches them.
 */
public final class Patches {
  private Patches() {}

  /**
   * images [B, channels, height, width] → [B·N, C].
   *
   * @param w [C, channels, P, P], on the heap or mapped
   * @param b [C], or null
   * @throws ShapeException when the extents do not fit
   */
  public static Var patches(Tape t, Tensor images, Var w, @Nullable Var b) {
    Shape x = images.shape();
    Shape ws = w.shape();
    if (x.rank() != 4)
      throw new ShapeException("patches", "images must be [batch, channels, height, width]", x);
    if (ws.rank() != 4 || ws.dim(2) != ws.dim(3) || ws.dim(2) < 1)
      throw new ShapeException("patches", "weight must be [width, channels, size, size]", ws);
    if (ws.dim(1) != x.dim(1))
      throw new ShapeException("patches", "images have other channels than the weight", x, ws);
    if (b != null && b.shape().size() != ws.dim(0))
      throw new ShapeException(
          "patches", "bias must have " + ws.dim(0) + " elements", b.shape(), ws);
    int size = ws.dim(2);
    int cols = ws.dim(1) * size * size;
    int count = x.dim(0) * (x.dim(2) / size) * (x.dim(3) / size);
    boolean saves = t.needsGrad(w);
    Tensor u = saves ? t.take(count, cols) : t.workspace().take(count, cols);
    Kernels k = t.kernels();
    k.memory().fetch(images);
    unfold(images, size, u);
    k.memory().store(u);
    Tensor y = t.take(count, ws.dim(0));
    k.gemm(MatView.of(u), w.view().reshaped(ws.dim(0), cols).t(), MatView.of(y), false);
    if (b != null) k.addBias(y, b.value(), y);
    if (!saves) t.workspace().release(u);
    Back back = new Back(k, u, w, b);
    List<Tensor> saved = saves ? List.of(u) : List.of();
    return b == null
        ? t.record("patches", y, saved, back, w)
        : t.record("patches", y, saved, back, w, b);
  }

  private static void unfold(Tensor images, int size, Tensor u) {
    int channels = images.shape().dim(1);
    int height = images.shape().dim(2);
    int width = images.shape().dim(3);
    int to = u.offset();
    for (int b = 0; b < images.shape().dim(0); b++)
      for (int top = 0; top + size <= height; top += size)
        for (int left = 0; left + size <= width; left += size)
          for (int c = 0; c < channels; c++)
            for (int y = 0; y < size; y++, to += size) {
              int from = ((b * channels + c) * height + top + y) * width + left;
              System.arraycopy(images.data(), images.offset() + from, u.data(), to, size);
            }
  }

  /** Reads {@code u} only when W needs a gradient. */
  private record Back(Kernels k, Tensor u, Var w, @Nullable Var b) implements Backward {
    @Override
    public void backward(Tensor dy, Grads grads) {
      if (b != null && b.needsGrad()) {
        Grads.Slot db = grads.of(b);
        k.sumRows(dy, db.tensor(), db.accumulate());
      }
      if (w.needsGrad()) {
        Grads.Slot dw = grads.of(w);
        MatView matrix = MatView.of(dw.tensor()).reshaped(dy.cols(), u.cols());
        k.gemm(MatView.of(dy).t(), MatView.of(u), matrix, dw.accumulate());
      }
    }
  }
}

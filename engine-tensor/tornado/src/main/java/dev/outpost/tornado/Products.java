package dev.outpost.tornado;

import static dev.outpost.tornado.Launcher.flag;
import static dev.outpost.tornado.Launcher.groups;

import dev.outpost.tensor.kernel.Kernels;
import dev.outpost.tensor.kernel.MatView;
import dev.outpost.tornado.body.FewRows;
import dev.outpost.tornado.body.Gemm;
import org.jspecify.annotations.Nullable;

/**
 * Products of matrices: by tiles, or where one has few rows by a kernel that reads the other once.
 */
final class Products {
  private final Launcher launcher;
  private final Kernels host;

  Products(Launcher launcher) {
    this.launcher = launcher;
    this.host = launcher.host();
  }

  void gemm(MatView a, MatView b, MatView c, boolean accumulate) {
    if (c.rows() == 0 || c.cols() == 0) return;
    // A weight on the left is one on the right of the transposed product, and few columns are few
    // rows of it.
    boolean turned = !a.onHeap() || b.onHeap() && few(b.cols()) && a.rows() > b.cols();
    MatView left = turned ? b.t() : a;
    MatView right = turned ? a.t() : b;
    Residence.@Nullable Paged stored = right.onHeap() ? null : launcher.residence().page(right);
    boolean possible = left.onHeap() && (right.onHeap() || stored != null);
    Call call = launcher.call().out(c, accumulate);
    if (a.onHeap()) call.in(a);
    if (b.onHeap()) call.in(b);
    Runnable onHost = () -> host.gemm(a, b, c, accumulate);
    if (possible) call.run(() -> product(call, left, right, stored, c, turned, accumulate), onHost);
    else call.onHost(onHost);
  }

  private static boolean few(int rows) {
    return rows <= FewRows.ROWS;
  }

  private void product(
      Call call,
      MatView a,
      MatView b,
      Residence.@Nullable Paged stored,
      MatView c,
      boolean turned,
      boolean accumulate) {
    int[] args = {
      a.rows(),
      b.cols(),
      a.cols(),
      call.at(a),
      a.rowStride(),
      a.colStride(),
      stored == null ? call.at(b) : stored.at() + (int) b.offset(),
      b.rowStride(),
      b.colStride(),
      call.at(c),
      turned ? 1 : c.rowStride(),
      turned ? c.rowStride() : 1,
      flag(accumulate),
      stored == null ? Gemm.HEAP : stored.type()
    };
    int page = stored == null ? 0 : stored.page();
    int cols = b.rowStride() == 1 ? FewRows.ALONG : FewRows.ACROSS;
    if (few(a.rows()) && (b.rowStride() == 1 || b.colStride() == 1))
      launcher.launch(Kernel.GEMM_FEW_ROWS, page, groups(b.cols(), cols), 1, 1, args);
    else
      launcher.launch(
          Kernel.GEMM, page, groups(b.cols(), Gemm.TILE), groups(a.rows(), Gemm.TILE), 1, args);
  }
}

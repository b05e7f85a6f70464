package dev.outpost.tornado;

import static dev.outpost.tornado.Launcher.bits;
import static dev.outpost.tornado.Launcher.flag;
import static dev.outpost.tornado.Launcher.groups;

import dev.outpost.tensor.Tensor;
import dev.outpost.tensor.kernel.Kernels;
import dev.outpost.tornado.body.Sums;
import org.jspecify.annotations.Nullable;

/** Norms of rows and their backward. */
final class RowNorms {
  private final Launcher launcher;
  private final Kernels host;
  private final RowSums sums;

  /**
   * @param sums adds what groups of rows give for a parameter
   */
  RowNorms(Launcher launcher, RowSums sums) {
    this.launcher = launcher;
    this.host = launcher.host();
    this.sums = sums;
  }

  void layerNorm(
      Tensor x, Tensor gamma, Tensor beta, float eps, Tensor y, Tensor mean, Tensor rstd) {
    if (x.size() == 0) return;
    Call c = launcher.call().in(x).in(gamma).in(beta).out(y).out(mean).out(rstd);
    c.run(
        () ->
            launcher.launch(
                Kernel.NORM,
                0,
                x.rows(),
                1,
                1,
                x.cols(),
                1,
                bits(eps),
                c.at(x),
                c.at(gamma),
                c.at(beta),
                c.at(y),
                c.at(mean),
                c.at(rstd)),
        () -> host.layerNorm(x, gamma, beta, eps, y, mean, rstd));
  }

  void rmsNorm(Tensor x, Tensor gamma, float eps, Tensor y, Tensor rstd) {
    if (x.size() == 0) return;
    Call c = launcher.call().in(x).in(gamma).out(y).out(rstd);
    c.run(
        () ->
            launcher.launch(
                Kernel.NORM,
                0,
                x.rows(),
                1,
                1,
                x.cols(),
                0,
                bits(eps),
                c.at(x),
                c.at(gamma),
                0,
                c.at(y),
                0,
                c.at(rstd)),
        () -> host.rmsNorm(x, gamma, eps, y, rstd));
  }

  void layerNormBackward(
      Tensor x,
      Tensor gamma,
      Tensor mean,
      Tensor rstd,
      Tensor dy,
      @Nullable Tensor dx,
      boolean accumulateX,
      @Nullable Tensor dgamma,
      @Nullable Tensor dbeta,
      boolean accumulateParameters) {
    Call c = launcher.call().in(x).in(gamma).in(mean).in(rstd).in(dy);
    normBackward(
        c,
        new Normed(x, gamma, mean, rstd, dy),
        dx,
        accumulateX,
        dgamma,
        dbeta,
        accumulateParameters,
        () ->
            host.layerNormBackward(
                x, gamma, mean, rstd, dy, dx, accumulateX, dgamma, dbeta, accumulateParameters));
  }

  void rmsNormBackward(
      Tensor x,
      Tensor gamma,
      Tensor rstd,
      Tensor dy,
      @Nullable Tensor dx,
      boolean accumulateX,
      @Nullable Tensor dgamma,
      boolean accumulateGamma) {
    Call c = launcher.call().in(x).in(gamma).in(rstd).in(dy);
    normBackward(
        c,
        new Normed(x, gamma, null, rstd, dy),
        dx,
        accumulateX,
        dgamma,
        null,
        accumulateGamma,
        () -> host.rmsNormBackward(x, gamma, rstd, dy, dx, accumulateX, dgamma, accumulateGamma));
  }

  /** What a norm's backward reads; no mean where it is 0 by definition. */
  private record Normed(Tensor x, Tensor gamma, @Nullable Tensor mean, Tensor rstd, Tensor dy) {}

  private void normBackward(
      Call c,
      Normed n,
      @Nullable Tensor dx,
      boolean accumulateX,
      @Nullable Tensor dgamma,
      @Nullable Tensor dbeta,
      boolean accumulateParameters,
      Runnable onHost) {
    if (n.x.cols() == 0) return;
    if (dx != null) c.out(dx, accumulateX);
    if (dgamma != null) c.out(dgamma, accumulateParameters);
    if (dbeta != null) c.out(dbeta, accumulateParameters);
    float[] gammas = new float[0];
    float[] betas = new float[0];
    int parts = RowSums.parts(n.x.rows());
    if (parts > 1) c.scratch(gammas, parts * n.x.cols()).scratch(betas, parts * n.x.cols());
    c.run(
        () -> {
          if (dx != null && n.x.rows() > 0) normInputs(c, n, c.at(dx), accumulateX);
          if (dgamma == null || n.mean != null && dbeta == null) return;
          int toGamma = c.at(dgamma);
          int toBeta = dbeta == null ? 0 : c.at(dbeta);
          if (parts == 1) {
            normParameters(c, n, toGamma, toBeta, accumulateParameters);
            return;
          }
          int cols = n.x.cols();
          normParameters(c, n, c.at(gammas), c.at(betas), false);
          sums.sumRows(parts, cols, parts, c.at(gammas), toGamma, accumulateParameters);
          if (dbeta != null)
            sums.sumRows(parts, cols, parts, c.at(betas), toBeta, accumulateParameters);
        },
        onHost);
  }

  private void normInputs(Call c, Normed n, int dx, boolean accumulate) {
    launcher.launch(
        Kernel.NORM_BACKWARD,
        0,
        n.x.rows(),
        1,
        1,
        n.x.cols(),
        flag(n.mean != null),
        c.at(n.x),
        c.at(n.gamma),
        n.mean == null ? 0 : c.at(n.mean),
        c.at(n.rstd),
        c.at(n.dy),
        dx,
        flag(accumulate));
  }

  private void normParameters(Call c, Normed n, int dgamma, int dbeta, boolean accumulate) {
    launcher.launch(
        Kernel.NORM_PARAMETERS,
        0,
        groups(n.x.cols(), Sums.COLS),
        RowSums.parts(n.x.rows()),
        1,
        n.x.rows(),
        n.x.cols(),
        RowSums.DEEP,
        flag(n.mean != null),
        c.at(n.x),
        n.mean == null ? 0 : c.at(n.mean),
        c.at(n.rstd),
        c.at(n.dy),
        dgamma,
        dbeta,
        flag(accumulate));
  }
}

package dev.outpost.offsite.bench;

import dev.outpost.tensor.kernel.MatView;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Random;

/**
 * Matrix products of a transformer: C [M, N] = A [M, K] · B [K, N]. NN has both row-major, NT
 * stores B as [N, K] (a linear layer forward), TN stores A as [K, M] (a weight's gradient).
 */
final class Gemms {
  /** M, N and K under a name. */
  record Shape(String name, int m, int n, int k) {}

  /** Squares, and the products of GPT-2 124M at 512 tokens and at one. */
  static final List<Shape> SHAPES =
      List.of(
          new Shape("gemm-512", 512, 512, 512),
          new Shape("gemm-1024", 1024, 1024, 1024),
          new Shape("gemm-2048", 2048, 2048, 2048),
          new Shape("gemm-qkv", 512, 2304, 768),
          new Shape("gemm-proj", 512, 768, 768),
          new Shape("gemm-fc1", 512, 3072, 768),
          new Shape("gemm-fc2", 512, 768, 3072),
          new Shape("gemm-lm_head", 512, 50257, 768),
          new Shape("gemm-scores", 512, 512, 64),
          new Shape("gemm-context", 512, 64, 512),
          new Shape("gemv-qkv", 1, 2304, 768),
          new Shape("gemv-fc1", 1, 3072, 768),
          new Shape("gemv-fc2", 1, 768, 3072),
          new Shape("gemv-lm_head", 1, 50257, 768));

  private static final List<String> LAYOUTS = List.of("NN", "NT", "TN");

  private Gemms() {}

  static List<Bench> all() {
    List<Bench> all = new ArrayList<>();
    // One row transposed is the same row.
    for (Shape s : SHAPES)
      for (String layout : s.m == 1 ? LAYOUTS.subList(0, 2) : LAYOUTS) all.add(of(s, layout));
    return all;
  }

  static KernelBench of(Shape s, String layout) {
    String shape = s.m + "x" + s.n + "x" + s.k;
    boolean vector = s.m == 1;
    // A product with a vector reads each weight once: bandwidth binds it.
    return new KernelBench(
        s.name + "-" + layout.toLowerCase(Locale.ROOT),
        shape,
        vector ? KernelBench.Limit.BANDWIDTH : KernelBench.Limit.ARITHMETIC,
        vector ? 4.0 * s.n * s.k : 2.0 * s.m * s.n * s.k,
        Map.of("layout", layout),
        kernels -> {
          float[] a = Noise.floats(s.m * s.k, 1);
          float[] b = Noise.floats(s.k * s.n, 2);
          MatView av =
              layout.charAt(0) == 'N'
                  ? MatView.of(a, 0, s.m, s.k, s.k, 1)
                  : MatView.of(a, 0, s.m, s.k, 1, s.m);
          MatView bv =
              layout.charAt(1) == 'N'
                  ? MatView.of(b, 0, s.k, s.n, s.n, 1)
                  : MatView.of(b, 0, s.k, s.n, 1, s.k);
          MatView cv = MatView.of(new float[s.m * s.n], 0, s.m, s.n, s.n, 1);
          kernels.gemm(av, bv, cv, false);
          verify(shape, av, bv, cv);
          return () -> kernels.gemm(av, bv, cv, false);
        });
  }

  /** A fast wrong answer is no result: some elements against f64. */
  private static void verify(String shape, MatView a, MatView b, MatView c) {
    Random random = new Random(3);
    for (int probe = 0; probe < 50; probe++) {
      int i = random.nextInt(c.rows());
      int j = random.nextInt(c.cols());
      double want = 0;
      double size = 0;
      for (int p = 0; p < a.cols(); p++) {
        want += (double) a.at(i, p) * b.at(p, j);
        size += Math.abs((double) a.at(i, p) * b.at(p, j));
      }
      if (Math.abs(c.at(i, j) - want) > 1e-5 * size + 1e-6)
        throw new IllegalStateException(
            "gemm " + shape + ": c[" + i + ", " + j + "] is " + c.at(i, j) + ", want " + want);
    }
  }
}

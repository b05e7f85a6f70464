package dev.outpost.bench;

import dev.outpost.tensor.kernel.Kernels;
import dev.outpost.tensor.kernel.Machine;
import dev.outpost.tensor.kernel.MatView;
import dev.outpost.tensor.kernel.Team;
import java.io.IOException;
import java.lang.management.ManagementFactory;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.Random;
import java.util.function.DoubleSupplier;

/**
 * The matrix product against the machine's limit, measured in turns in the same run: GFLOP/s of the
 * best and the median round, and the fraction of the fused-multiply-add peak.
 *
 * <p>{@code java --add-modules jdk.incubator.vector -cp … dev.outpost.bench.GemmBench [rounds]
 * [file]}: with a file, one JSON line per result is appended to it.
 */
public final class GemmBench {
  private static final int[][] SHAPES = {{1024, 1024, 1024}, {512, 3072, 768}, {1, 3072, 768}};
  private static final Machine MACHINE = Machine.current();
  private static final List<String> LAYOUTS = List.of("NN", "NT", "TN");

  private GemmBench() {}

  private record Result(
      String shape,
      String layout,
      int threads,
      double best,
      double median,
      double low,
      double peak) {
    String row() {
      return String.format(
          Locale.ROOT,
          "%-16s %-3s %d threads  best %7.1f  median %7.1f  worst %7.1f GFLOP/s  best/peak %.2f",
          shape,
          layout,
          threads,
          best,
          median,
          low,
          best / peak);
    }

    String json(String kernels) {
      return String.format(
          Locale.ROOT,
          "{\"bench\":\"gemm\",\"kernels\":\"%s\",\"shape\":\"%s\",\"layout\":\"%s\",\"threads\":%d,"
              + "\"best_gflops\":%.2f,\"median_gflops\":%.2f,\"worst_gflops\":%.2f,"
              + "\"peak_gflops\":%.2f,\"commit\":\"%s\",\"cpu\":\"%s\",\"jdk\":\"%s\",\"flags\":\"%s\"}",
          kernels,
          shape,
          layout,
          threads,
          best,
          median,
          low,
          peak,
          System.getProperty("outpost.commit", "unknown"),
          MACHINE.cpu(),
          Runtime.version(),
          String.join(" ", ManagementFactory.getRuntimeMXBean().getInputArguments())
              .replace("\\", "/")
              .replace("\"", "'"));
    }
  }

  /** Prints the table; see the class for the arguments. */
  public static void main(String[] args) throws IOException {
    int rounds = args.length > 0 ? Integer.parseInt(args[0]) : 9;
    List<String> lines = new ArrayList<>();
    int most = Math.min(2, Runtime.getRuntime().availableProcessors());
    for (int threads = 1; threads <= most; threads++)
      try (Team team = Team.of(threads)) {
        Kernels kernels = Kernels.best(team);
        for (int[] s : SHAPES)
          for (String layout : LAYOUTS) {
            Result r = measure(kernels, s[0], s[1], s[2], layout, rounds);
            System.out.println(r.row());
            lines.add(r.json(kernels.name()));
          }
      }
    if (args.length > 1)
      Files.write(Path.of(args[1]), lines, StandardOpenOption.CREATE, StandardOpenOption.APPEND);
  }

  private static Result measure(Kernels kernels, int m, int n, int k, String layout, int rounds) {
    float[] a = random(m * k, 1);
    float[] b = random(k * n, 2);
    float[] c = new float[m * n];
    MatView av =
        layout.charAt(0) == 'N' ? MatView.of(a, 0, m, k, k, 1) : MatView.of(a, 0, m, k, 1, m);
    MatView bv =
        layout.charAt(1) == 'N' ? MatView.of(b, 0, k, n, n, 1) : MatView.of(b, 0, k, n, 1, k);
    MatView cv = MatView.of(c, 0, m, n, n, 1);
    kernels.gemm(av, bv, cv, false);
    verify(av, bv, cv);
    double work = 2.0 * m * n * k;
    // A round is long enough for the clock and short enough to fall between interruptions.
    int calls = (int) Math.max(1, 2e8 / work);
    Team team = kernels.team();
    boolean own = team.threads() == 1;
    for (int i = 0; i < 5; i++) timed(own, calls, work, () -> call(kernels, av, bv, cv));
    double[] speeds = new double[rounds];
    double peak = 0;
    for (int r = 0; r < rounds; r++) {
      peak = Math.max(peak, MACHINE.fmaGflops(team));
      speeds[r] = timed(own, calls, work, () -> call(kernels, av, bv, cv));
    }
    Arrays.sort(speeds);
    String shape = m + "x" + n + "x" + k;
    return new Result(
        shape, layout, team.threads(), speeds[rounds - 1], speeds[rounds / 2], speeds[0], peak);
  }

  private static double call(Kernels kernels, MatView a, MatView b, MatView c) {
    kernels.gemm(a, b, c, false);
    return c.data()[0];
  }

  /** On one thread its own processor time counts, so that a busy machine does not. */
  private static double timed(boolean own, int calls, double operations, DoubleSupplier body) {
    double sink = 0;
    long start = clock(own);
    for (int i = 0; i < calls; i++) sink += body.getAsDouble();
    long nanos = clock(own) - start;
    if (Double.isNaN(sink)) throw new IllegalStateException("gemm bench: result is not a number");
    return operations * calls / nanos;
  }

  private static long clock(boolean own) {
    return own ? ManagementFactory.getThreadMXBean().getCurrentThreadCpuTime() : System.nanoTime();
  }

  /** A fast wrong answer is no result: a few elements against f64. */
  private static void verify(MatView a, MatView b, MatView c) {
    Random random = new Random(3);
    for (int probe = 0; probe < 50; probe++) {
      int i = random.nextInt(c.rows());
      int j = random.nextInt(c.cols());
      double want = 0;
      for (int p = 0; p < a.cols(); p++) want += (double) a.at(i, p) * b.at(p, j);
      if (Math.abs(c.at(i, j) - want) > 1e-3)
        throw new IllegalStateException(
            "gemm bench: c[" + i + ", " + j + "] is " + c.at(i, j) + ", want " + want);
    }
  }

  private static float[] random(int n, long seed) {
    Random random = new Random(seed);
    float[] x = new float[n];
    for (int i = 0; i < n; i++) x[i] = random.nextFloat() - 0.5f;
    return x;
  }
}

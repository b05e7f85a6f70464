package dev.outpost.bench;

import dev.outpost.offsite.svd.Svd;
import dev.outpost.tensor.Shape;
import dev.outpost.tensor.Tensor;
import dev.outpost.tensor.kernel.Kernels;
import dev.outpost.tensor.kernel.Machine;
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

/**
 * Seconds and error of the largest singular values of a square matrix whose values are known: those
 * of a random matrix (a quarter circle, the hardest case: no value stands out) or falling as 1/√i.
 * The error is relative to the matrix, beside the least that the rank allows.
 *
 * <p>{@code java --add-modules jdk.incubator.vector -cp … dev.outpost.bench.SvdBench SIZE ROUNDS
 * RANK,RANK,… [FILE]}: a rank of the whole size is ejml's full decomposition; with a file, one JSON
 * line per result is appended to it.
 */
public final class SvdBench {
  private static final int REFLECTIONS = 8;

  private SvdBench() {}

  private enum Spectrum {
    CIRCLE,
    ROOT;

    double[] values(int n) {
      double[] s = new double[n];
      for (int i = 0; i < n; i++)
        s[i] = this == ROOT ? 1 / Math.sqrt(i + 1.0) : quarterCircle((i + 0.5) / n);
      return s;
    }

    /** x with a share p of the values above it: density √(4 − x²)/π on [0, 2]. */
    private static double quarterCircle(double p) {
      double low = 0;
      double high = 2;
      for (int i = 0; i < 60; i++) {
        double x = (low + high) / 2;
        double below = (x * Math.sqrt(4 - x * x) / 2 + 2 * Math.asin(x / 2)) / Math.PI;
        if (1 - below > p) low = x;
        else high = x;
      }
      return (low + high) / 2;
    }
  }

  /** Prints the table; see the class for the arguments. */
  public static void main(String[] args) throws IOException {
    int n = Integer.parseInt(args[0]);
    int rounds = Integer.parseInt(args[1]);
    List<String> lines = new ArrayList<>();
    try (Team team = Team.ofAllProcessors()) {
      Kernels k = Kernels.best(team);
      for (String word : args[2].split(",", -1))
        for (Spectrum spectrum : Spectrum.values()) {
          double[] values = spectrum.values(n);
          int rank = Integer.parseInt(word);
          String line = measure(matrix(values), values, spectrum, rank, rounds, k);
          System.out.println(line);
          lines.add(line);
        }
    }
    if (args.length > 3)
      Files.write(Path.of(args[3]), lines, StandardOpenOption.CREATE, StandardOpenOption.APPEND);
  }

  private static String measure(
      Tensor w, double[] values, Spectrum spectrum, int rank, int rounds, Kernels k) {
    double[] seconds = new double[rounds];
    Svd found = null;
    for (int r = 0; r < rounds; r++) {
      long start = System.nanoTime();
      found = rank == values.length ? Svd.byEjml(w) : Svd.largest(w, rank, k, r, "bench");
      seconds[r] = (System.nanoTime() - start) / 1e9;
    }
    if (found == null) throw new IllegalArgumentException("svd bench: at least one round");
    Arrays.sort(seconds);
    double total = squares(values, 0);
    double error = Math.sqrt(k.sumSquaredDifference(w, found.matrix(k)) / total);
    double least = Math.sqrt(squares(values, rank) / total);
    if (error > 1.05 * least + 1e-4 || error < least - 1e-4)
      throw new IllegalStateException("svd bench: error " + error + ", least " + least);
    return String.format(
        Locale.ROOT,
        "{\"bench\":\"svd\",\"kernels\":\"%s\",\"threads\":%d,\"size\":%d,\"rank\":%d,"
            + "\"method\":\"%s\",\"spectrum\":\"%s\",\"rounds\":%d,\"best_s\":%.3f,"
            + "\"median_s\":%.3f,\"worst_s\":%.3f,\"relative_error\":%.6f,\"least_error\":%.6f,"
            + "\"commit\":\"%s\",\"cpu\":\"%s\",\"jdk\":\"%s\",\"flags\":\"%s\"}",
        k.name(),
        k.team().threads(),
        values.length,
        rank,
        method(rank, values.length),
        spectrum.name().toLowerCase(Locale.ROOT),
        rounds,
        seconds[0],
        seconds[rounds / 2],
        seconds[rounds - 1],
        error,
        least,
        System.getProperty("outpost.commit", "unknown"),
        Machine.current().cpu(),
        Runtime.version(),
        String.join(" ", ManagementFactory.getRuntimeMXBean().getInputArguments())
            .replace("\\", "/")
            .replace("\"", "'"));
  }

  /** What {@link Svd#largest} chooses. */
  private static String method(int rank, int full) {
    return rank == full ? "ejml" : Svd.isSketched(rank, full) ? "sketch" : "triangle";
  }

  private static double squares(double[] values, int from) {
    double sum = 0;
    for (int i = from; i < values.length; i++) sum += values[i] * values[i];
    return sum;
  }

  /** These values between random reflections. */
  private static Tensor matrix(double[] values) {
    int n = values.length;
    double[] w = new double[n * n];
    for (int i = 0; i < n; i++) w[i * n + i] = values[i];
    Random random = new Random(5);
    for (int r = 0; r < REFLECTIONS; r++) {
      reflect(w, n, random, true);
      reflect(w, n, random, false);
    }
    float[] f = new float[n * n];
    for (int i = 0; i < f.length; i++) f[i] = (float) w[i];
    return Tensor.of(Shape.of(n, n), f);
  }

  /** Rows or columns times {@code I − 2·v·vᵀ}. */
  private static void reflect(double[] w, int n, Random random, boolean rows) {
    double[] v = new double[n];
    double norm = 0;
    for (int i = 0; i < n; i++) {
      v[i] = random.nextGaussian();
      norm += v[i] * v[i];
    }
    double[] sums = new double[n];
    for (int i = 0; i < n; i++)
      for (int j = 0; j < n; j++)
        if (rows) sums[i] += w[i * n + j] * v[j];
        else sums[j] += w[i * n + j] * v[i];
    for (int i = 0; i < n; i++)
      for (int j = 0; j < n; j++)
        w[i * n + j] -= 2 / norm * (rows ? sums[i] * v[j] : sums[j] * v[i]);
  }
}

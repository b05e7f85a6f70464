package dev.outpost.bench;

import dev.outpost.tensor.Tensor;
import dev.outpost.tensor.kernel.MatView;
import java.util.List;
import java.util.concurrent.TimeUnit;
import org.openjdk.jmh.annotations.Benchmark;
import org.openjdk.jmh.annotations.BenchmarkMode;
import org.openjdk.jmh.annotations.Fork;
import org.openjdk.jmh.annotations.Level;
import org.openjdk.jmh.annotations.Measurement;
import org.openjdk.jmh.annotations.Mode;
import org.openjdk.jmh.annotations.OutputTimeUnit;
import org.openjdk.jmh.annotations.Param;
import org.openjdk.jmh.annotations.Scope;
import org.openjdk.jmh.annotations.Setup;
import org.openjdk.jmh.annotations.State;
import org.openjdk.jmh.annotations.Warmup;

/** Matrix products C [M, N] = A [M, K] · B [K, N] of GPT-2 124M at 512 tokens, and a square. */
@BenchmarkMode(Mode.AverageTime)
@OutputTimeUnit(TimeUnit.MICROSECONDS)
@Warmup(iterations = 3, time = 1)
@Measurement(iterations = 5, time = 1)
@Fork(value = 1, jvmArgsAppend = "--add-modules=jdk.incubator.vector")
@State(Scope.Benchmark)
public class GemmJmh {
  /** M×N×K. */
  @Param({"1024x1024x1024", "512x2304x768", "512x768x3072", "512x64x512"})
  public String shape = "1024x1024x1024";

  /** N as written, T stored transposed. */
  @Param({"NN", "NT", "TN"})
  public String layout = "NN";

  private MatView a = MatView.of(Tensor.zeros(0));
  private MatView b = MatView.of(Tensor.zeros(0));
  private MatView c = MatView.of(Tensor.zeros(0));

  /** Takes memory. */
  @Setup(Level.Trial)
  public void prepare() {
    List<Integer> d = Chosen.extents(shape);
    int m = d.get(0);
    int n = d.get(1);
    int k = d.get(2);
    boolean ta = layout.charAt(0) == 'T';
    boolean tb = layout.charAt(1) == 'T';
    a = MatView.of(ta ? Chosen.random(1, k, m) : Chosen.random(1, m, k));
    b = MatView.of(tb ? Chosen.random(2, n, k) : Chosen.random(2, k, n));
    if (ta) a = a.t();
    if (tb) b = b.t();
    c = MatView.of(Tensor.zeros(m, n));
  }

  /** One product. */
  @Benchmark
  public void gemm(Chosen c) {
    c.k.gemm(a, b, this.c, false);
  }
}

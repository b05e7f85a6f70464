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

/** Matrix times vector: one token through the projections of GPT-2 124M. */
@BenchmarkMode(Mode.AverageTime)
@OutputTimeUnit(TimeUnit.MICROSECONDS)
@Warmup(iterations = 3, time = 1)
@Measurement(iterations = 5, time = 1)
@Fork(value = 1, jvmArgsAppend = "--add-modules=jdk.incubator.vector")
@State(Scope.Benchmark)
public class GemvJmh {
  /** N×K. */
  @Param({"2304x768", "3072x768", "768x3072", "50257x768"})
  public String shape = "3072x768";

  /** NN weights [K, N], NT weights [N, K]. */
  @Param({"NN", "NT"})
  public String layout = "NT";

  private MatView x = MatView.of(Tensor.zeros(0));
  private MatView w = MatView.of(Tensor.zeros(0));
  private MatView y = MatView.of(Tensor.zeros(0));

  /** Takes memory. */
  @Setup(Level.Trial)
  public void prepare() {
    List<Integer> d = Chosen.extents(shape);
    int n = d.get(0);
    int k = d.get(1);
    x = MatView.of(Chosen.random(1, 1, k));
    w =
        layout.equals("NT")
            ? MatView.of(Chosen.random(2, n, k)).t()
            : MatView.of(Chosen.random(2, k, n));
    y = MatView.of(Tensor.zeros(1, n));
  }

  /** One product. */
  @Benchmark
  public void gemv(Chosen c) {
    c.k.gemm(x, w, y, false);
  }
}

package dev.outpost.bench;

import dev.outpost.tensor.Tensor;
import dev.outpost.tensor.kernel.AdamWStep;
import java.util.concurrent.TimeUnit;
import org.openjdk.jmh.annotations.Benchmark;
import org.openjdk.jmh.annotations.BenchmarkMode;
import org.openjdk.jmh.annotations.Fork;
import org.openjdk.jmh.annotations.Level;
import org.openjdk.jmh.annotations.Measurement;
import org.openjdk.jmh.annotations.Mode;
import org.openjdk.jmh.annotations.OutputTimeUnit;
import org.openjdk.jmh.annotations.Scope;
import org.openjdk.jmh.annotations.Setup;
import org.openjdk.jmh.annotations.State;
import org.openjdk.jmh.annotations.Warmup;

/** One AdamW update of 16 M parameters. */
@BenchmarkMode(Mode.AverageTime)
@OutputTimeUnit(TimeUnit.MICROSECONDS)
@Warmup(iterations = 3, time = 1)
@Measurement(iterations = 5, time = 1)
@Fork(value = 1, jvmArgsAppend = "--add-modules=jdk.incubator.vector")
@State(Scope.Benchmark)
public class AdamWJmh {
  private static final AdamWStep STEP = new AdamWStep(1e-4f, 0.9f, 0.999f, 1e-8f, 0.01f, 10, 1);
  private Tensor p = Tensor.zeros(0);
  private Tensor g = Tensor.zeros(0);
  private Tensor m = Tensor.zeros(0);
  private Tensor v = Tensor.zeros(0);

  /** Takes memory. */
  @Setup(Level.Trial)
  public void prepare() {
    int n = 16 << 20;
    p = Chosen.random(1, n);
    g = Chosen.random(2, n);
    m = Tensor.zeros(n);
    v = Tensor.zeros(n);
  }

  /** The update. */
  @Benchmark
  public void update(Chosen c) {
    c.k.adamW(p, g, m, v, STEP);
  }
}

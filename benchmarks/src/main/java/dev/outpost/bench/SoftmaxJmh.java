package dev.outpost.bench;

import dev.outpost.tensor.Tensor;
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

/** Softmax of 4096 × 1024. */
@BenchmarkMode(Mode.AverageTime)
@OutputTimeUnit(TimeUnit.MICROSECONDS)
@Warmup(iterations = 3, time = 1)
@Measurement(iterations = 5, time = 1)
@Fork(value = 1, jvmArgsAppend = "--add-modules=jdk.incubator.vector")
@State(Scope.Benchmark)
public class SoftmaxJmh {
  private Tensor x = Tensor.zeros(0);
  private Tensor y = Tensor.zeros(0);

  /** Takes memory. */
  @Setup(Level.Trial)
  public void prepare() {
    x = Chosen.random(1, 4096, 1024);
    y = Tensor.zeros(4096, 1024);
  }

  /** Every row. */
  @Benchmark
  public void softmax(Chosen c) {
    c.k.softmax(x, y);
  }
}

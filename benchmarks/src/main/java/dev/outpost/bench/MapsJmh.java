package dev.outpost.bench;

import dev.outpost.tensor.Tensor;
import dev.outpost.tensor.kernel.UnaryMap;
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

/** Element-wise functions of 4096 × 3072. */
@BenchmarkMode(Mode.AverageTime)
@OutputTimeUnit(TimeUnit.MICROSECONDS)
@Warmup(iterations = 3, time = 1)
@Measurement(iterations = 5, time = 1)
@Fork(value = 1, jvmArgsAppend = "--add-modules=jdk.incubator.vector")
@State(Scope.Benchmark)
public class MapsJmh {
  /** Which. */
  @Param({"GELU_TANH", "GELU_ERF", "SILU", "TANH"})
  public UnaryMap op = UnaryMap.GELU_TANH;

  private Tensor x = Tensor.zeros(0);
  private Tensor dy = Tensor.zeros(0);
  private Tensor y = Tensor.zeros(0);

  /** Takes memory. */
  @Setup(Level.Trial)
  public void prepare() {
    x = Chosen.random(1, 4096, 3072);
    dy = Chosen.random(2, 4096, 3072);
    y = Tensor.zeros(4096, 3072);
  }

  /** The function. */
  @Benchmark
  public void forward(Chosen c) {
    c.k.map(op, x, y);
  }

  /** Its derivative times a gradient. */
  @Benchmark
  public void backward(Chosen c) {
    c.k.mapBackward(op, x, dy, y, false);
  }
}

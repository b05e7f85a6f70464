package dev.outpost.bench;

import dev.outpost.tensor.Tensor;
import dev.outpost.tensor.kernel.Kernels;
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

/** LayerNorm of 4096 × 768, forward and backward. */
@BenchmarkMode(Mode.AverageTime)
@OutputTimeUnit(TimeUnit.MICROSECONDS)
@Warmup(iterations = 3, time = 1)
@Measurement(iterations = 5, time = 1)
@Fork(value = 1, jvmArgsAppend = "--add-modules=jdk.incubator.vector")
@State(Scope.Benchmark)
public class LayerNormJmh {
  private Tensor x = Tensor.zeros(0);
  private Tensor dy = Tensor.zeros(0);
  private Tensor y = Tensor.zeros(0);
  private Tensor dx = Tensor.zeros(0);
  private Tensor g = Tensor.zeros(0);
  private Tensor dg = Tensor.zeros(0);
  private Tensor db = Tensor.zeros(0);
  private Tensor mean = Tensor.zeros(0);
  private Tensor rstd = Tensor.zeros(0);

  /** Takes memory. */
  @Setup(Level.Trial)
  public void prepare() {
    x = Chosen.random(1, 4096, 768);
    dy = Chosen.random(2, 4096, 768);
    y = Tensor.zeros(4096, 768);
    dx = Tensor.zeros(4096, 768);
    g = Chosen.random(3, 768);
    dg = Tensor.zeros(768);
    db = Tensor.zeros(768);
    mean = Tensor.zeros(4096);
    rstd = Tensor.zeros(4096);
    Kernels.scalar().layerNorm(x, g, g, 1e-5f, y, mean, rstd);
  }

  /** Forward. */
  @Benchmark
  public void forward(Chosen c) {
    c.k.layerNorm(x, g, g, 1e-5f, y, mean, rstd);
  }

  /** Gradients of input, gain and shift. */
  @Benchmark
  public void backward(Chosen c) {
    c.k.layerNormBackward(x, g, mean, rstd, dy, dx, false, dg, db, false);
  }
}

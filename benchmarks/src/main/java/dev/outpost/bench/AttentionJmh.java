package dev.outpost.bench;

import dev.outpost.tensor.Tensor;
import dev.outpost.tensor.kernel.AttentionShape;
import dev.outpost.tensor.kernel.HeadView;
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

/** Causal attention of 4 × 512 tokens, 12 heads of 64. */
@BenchmarkMode(Mode.AverageTime)
@OutputTimeUnit(TimeUnit.MICROSECONDS)
@Warmup(iterations = 3, time = 1)
@Measurement(iterations = 5, time = 1)
@Fork(value = 1, jvmArgsAppend = "--add-modules=jdk.incubator.vector")
@State(Scope.Benchmark)
public class AttentionJmh {
  private static final AttentionShape SHAPE = AttentionShape.causal(4, 512, 12, 64);
  private Tensor qkv = Tensor.zeros(0);
  private Tensor out = Tensor.zeros(0);
  private Tensor dqkv = Tensor.zeros(0);
  private Tensor dout = Tensor.zeros(0);
  private final Tensor lse = Tensor.zeros(4, 12, 512);

  /** Takes memory. */
  @Setup(Level.Trial)
  public void prepare() {
    qkv = Chosen.random(1, 4 * 512, 3 * 768);
    dout = Chosen.random(2, 4 * 512, 768);
    out = Tensor.zeros(4 * 512, 768);
    dqkv = Tensor.zeros(4 * 512, 3 * 768);
    Kernels.scalar().attention(SHAPE, at(qkv, 0), at(qkv, 1), at(qkv, 2), at(out, 0), lse);
  }

  /** Forward. */
  @Benchmark
  public void forward(Chosen c) {
    c.k.attention(SHAPE, at(qkv, 0), at(qkv, 1), at(qkv, 2), at(out, 0), lse);
  }

  /** Gradients of query, key and value. */
  @Benchmark
  public void backward(Chosen c) {
    c.k.attentionBackward(
        SHAPE,
        at(qkv, 0),
        at(qkv, 1),
        at(qkv, 2),
        at(out, 0),
        lse,
        at(dout, 0),
        at(dqkv, 0),
        at(dqkv, 1),
        at(dqkv, 2));
  }

  private static HeadView at(Tensor t, int part) {
    return HeadView.of(t, 512, part * 768);
  }
}

package dev.outpost.bench;

import dev.outpost.tensor.Tensor;
import java.util.Random;
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

/** Cross-entropy of 512 rows over 50257 tokens. */
@BenchmarkMode(Mode.AverageTime)
@OutputTimeUnit(TimeUnit.MICROSECONDS)
@Warmup(iterations = 3, time = 1)
@Measurement(iterations = 5, time = 1)
@Fork(value = 1, jvmArgsAppend = "--add-modules=jdk.incubator.vector")
@State(Scope.Benchmark)
public class CrossEntropyJmh {
  private Tensor logits = Tensor.zeros(0);
  private int[] targets = {};
  private final float[] losses = new float[512];

  /** Takes memory. */
  @Setup(Level.Trial)
  public void prepare() {
    logits = Chosen.random(1, 512, 50257);
    targets = new Random(2).ints(512, 0, 50257).toArray();
  }

  /** Losses only. */
  @Benchmark
  public void losses(Chosen c) {
    c.k.crossEntropy(logits, targets, 1f / 512, losses, false);
  }

  /** Losses, and the gradient over the logits. */
  @Benchmark
  public void gradient(Chosen c) {
    c.k.crossEntropy(logits, targets, 1f / 512, losses, true);
  }
}

package dev.outpost.bench;

import dev.outpost.tensor.Shape;
import dev.outpost.tensor.Tensor;
import dev.outpost.tensor.kernel.Kernels;
import dev.outpost.tensor.kernel.KernelsProvider;
import dev.outpost.tensor.kernel.KernelsSelection;
import dev.outpost.tensor.kernel.Team;
import java.util.List;
import java.util.Optional;
import java.util.Random;
import java.util.ServiceLoader;
import java.util.regex.Pattern;
import org.openjdk.jmh.annotations.Level;
import org.openjdk.jmh.annotations.Param;
import org.openjdk.jmh.annotations.Scope;
import org.openjdk.jmh.annotations.Setup;
import org.openjdk.jmh.annotations.State;
import org.openjdk.jmh.annotations.TearDown;

/** Which kernels run, on how many threads of their own: the parameters of every benchmark here. */
@State(Scope.Benchmark)
public class Chosen {
  /** A provider's name. */
  @Param({"scalar", "vector"})
  public String kernels = "vector";

  /** Threads of the kernels; JMH's own stay at one. */
  @Param("1")
  public int team = 1;

  private Team threads = Team.of(1);
  Kernels k = Kernels.scalar();

  /** Opens the kernels. */
  @Setup(Level.Trial)
  public void open() {
    threads = Team.of(team);
    k =
        KernelsSelection.among(ServiceLoader.load(KernelsProvider.class), Optional.of(kernels))
            .open(threads);
  }

  /** Ends their threads. */
  @TearDown(Level.Trial)
  public void close() {
    threads.close();
  }

  static Tensor random(long seed, int... dims) {
    Random random = new Random(seed);
    Shape shape = Shape.of(dims);
    float[] x = new float[shape.size()];
    for (int i = 0; i < x.length; i++) x[i] = random.nextFloat() - 0.5f;
    return Tensor.of(shape, x);
  }

  /** The numbers of {@code 512x768}. */
  static List<Integer> extents(String shape) {
    return Pattern.compile("x").splitAsStream(shape).map(Integer::valueOf).toList();
  }
}

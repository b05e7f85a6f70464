package dev.outpost.tensor.kernel.vector;

import dev.outpost.tensor.kernel.Ceilings;
import dev.outpost.tensor.kernel.Kernels;
import dev.outpost.tensor.kernel.KernelsProvider;
import dev.outpost.tensor.kernel.Team;
import java.util.Optional;

/**
 * Offers {@link VectorKernels} where the JVM was started with the Vector API. Names no class of
 * that API itself, so that it can be loaded, and refuse, without it.
 */
public final class VectorKernelsProvider implements KernelsProvider {
  private static final String MODULE = "jdk.incubator.vector";

  @Override
  public String name() {
    return "vector";
  }

  @Override
  public int rank() {
    return 10;
  }

  @Override
  public Optional<String> unusable() {
    if (ModuleLayer.boot().findModule(MODULE).isEmpty())
      return Optional.of(
          "the module " + MODULE + " is not loaded; start java with --add-modules " + MODULE);
    // The interpreter and C1 run each vector operation as a call that allocates.
    String vm = System.getProperty("java.vm.info", "");
    if (vm.contains("interpreted mode"))
      return Optional.of("the JVM only interprets; start java without -Xint");
    return Optional.empty();
  }

  @Override
  public Ceilings ceilings() {
    return new VectorCeilings();
  }

  @Override
  public Kernels open(Team team) {
    return new VectorKernels(team);
  }
}

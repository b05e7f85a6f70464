package dev.outpost.tensor.kernel.scalar;

import dev.outpost.tensor.kernel.Ceilings;
import dev.outpost.tensor.kernel.Kernels;
import dev.outpost.tensor.kernel.KernelsProvider;
import dev.outpost.tensor.kernel.Team;
import java.util.Optional;

/** Offers {@link ScalarKernels}: usable everywhere, preferred nowhere. */
public final class ScalarKernelsProvider implements KernelsProvider {
  @Override
  public String name() {
    return "scalar";
  }

  @Override
  public int rank() {
    return 0;
  }

  @Override
  public Optional<String> unusable() {
    return Optional.empty();
  }

  @Override
  public Ceilings ceilings() {
    return new ScalarCeilings();
  }

  @Override
  public Kernels open(Team team) {
    return new ScalarKernels(team);
  }
}

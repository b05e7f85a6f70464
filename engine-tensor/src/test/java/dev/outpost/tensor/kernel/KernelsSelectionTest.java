package dev.outpost.tensor.kernel;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.outpost.tensor.kernel.scalar.ScalarKernelsProvider;
import java.util.List;
import java.util.Optional;
import org.junit.jupiter.api.Test;

class KernelsSelectionTest {
  private final KernelsProvider scalar = new ScalarKernelsProvider();

  @Test
  void takesTheUsableProviderOfHighestRank() {
    KernelsSelection s =
        KernelsSelection.among(List.of(scalar, provider("fast", 10, null)), Optional.empty());
    assertThat(s.describe()).isEqualTo("kernels: fast");
    assertThat(s.isFallback()).isFalse();
  }

  @Test
  void saysWhyAFasterOneIsNotUsed() {
    KernelsSelection s =
        KernelsSelection.among(
            List.of(provider("fast", 10, "no module; pass --add-modules x"), scalar),
            Optional.empty());
    assertThat(s.isFallback()).isTrue();
    assertThat(s.describe())
        .isEqualTo("kernels: scalar; not used: fast: no module; pass --add-modules x");
  }

  @Test
  void theNamedOneWins() {
    KernelsSelection s =
        KernelsSelection.among(List.of(provider("fast", 10, null), scalar), Optional.of("scalar"));
    assertThat(s.open(Team.of(1)).name()).isEqualTo("scalar");
    assertThat(s.isFallback()).isFalse();
  }

  @Test
  void anUnknownNameIsRefusedWithTheChoices() {
    assertThatThrownBy(() -> KernelsSelection.among(List.of(scalar), Optional.of("gpu")))
        .hasMessageContaining("outpost.kernels=gpu")
        .hasMessageContaining("[scalar]");
  }

  @Test
  void withoutProvidersTheSpecificationRuns() {
    assertThat(KernelsSelection.among(List.of(), Optional.empty()).open(Team.of(1)).name())
        .isEqualTo("scalar");
  }

  @Test
  void thisJvmRunsVectors() {
    assertThat(KernelsSelection.current().describe()).startsWith("kernels: vector");
    assertThat(Kernels.best(Team.of(1)).name()).startsWith("vector-");
  }

  private KernelsProvider provider(String name, int rank, String reason) {
    return new KernelsProvider() {
      @Override
      public String name() {
        return name;
      }

      @Override
      public int rank() {
        return rank;
      }

      @Override
      public Optional<String> unusable() {
        return Optional.ofNullable(reason);
      }

      @Override
      public Ceilings ceilings() {
        return KernelsSelection.current().ceilings();
      }

      @Override
      public Kernels open(Team team) {
        return scalar.open(team);
      }
    };
  }
}

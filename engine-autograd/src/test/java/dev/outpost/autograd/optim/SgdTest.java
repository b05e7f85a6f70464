package dev.outpost.autograd.optim;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.outpost.tensor.Tensor;
import dev.outpost.tensor.kernel.Kernels;
import dev.outpost.tensor.kernel.Team;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;

class SgdTest {
  private final TorchGoldens goldens = new TorchGoldens();
  private final Kernels kernels = Kernels.scalar();

  @Test
  void takesPlainStepsOfPyTorch() {
    TorchGoldens.Case c = goldens.new Case("sgd");
    c.run(Sgd.of(kernels, c.groups), 0, TorchGoldens.STEPS, null);
  }

  @Test
  void takesClippedMomentumStepsOfPyTorch() {
    TorchGoldens.Case c = goldens.new Case("momentum");
    Sgd sgd = Sgd.of(kernels, c.groups, 0.9f, false);
    c.run(sgd, 0, TorchGoldens.STEPS, ClipNorm.to(2));
    c.same("state.w.momentum_buffer", sgd.state().get("w.momentum_buffer"));
    c.same("state.b.momentum_buffer", sgd.state().get("b.momentum_buffer"));
  }

  @Test
  void takesNesterovStepsOfPyTorch() {
    TorchGoldens.Case c = goldens.new Case("nesterov");
    c.run(Sgd.of(kernels, c.groups, 0.8f, true), 0, TorchGoldens.STEPS, null);
  }

  @Test
  void takesTheSameStepsOnTheFastKernels() {
    try (Team team = Team.of(2)) {
      TorchGoldens.Case c = goldens.new Case("nesterov");
      c.run(Sgd.of(Kernels.best(team), c.groups, 0.8f, true), 0, TorchGoldens.STEPS, null);
    }
  }

  @Test
  void resumesFromItsState() {
    TorchGoldens.Case c = goldens.new Case("momentum");
    Sgd first = Sgd.of(kernels, c.groups, 0.9f, false);
    c.run(first, 0, 3, ClipNorm.to(2));
    Map<String, Tensor> saved = first.state();
    Sgd second = Sgd.of(kernels, c.groups, 0.9f, false);
    second.restore(saved);
    c.run(second, 3, TorchGoldens.STEPS, ClipNorm.to(2));
    assertThat(second.steps()).isEqualTo(TorchGoldens.STEPS);
  }

  @Test
  void refusesTheStateOfAnotherKindOfOptimizer() {
    TorchGoldens.Case c = goldens.new Case("momentum");
    Sgd sgd = Sgd.of(kernels, c.groups, 0.9f, false);
    c.run(sgd, 0, 1, ClipNorm.to(2));
    assertThatThrownBy(() -> Sgd.of(kernels, c.groups).restore(sgd.state()))
        .hasMessageContaining("[w.momentum_buffer, b.momentum_buffer] belongs to no weight here")
        .hasMessageContaining("the kind of optimizer it was saved from");
  }

  @Test
  void refusesSettingsOutOfRange() {
    assertThatThrownBy(() -> Sgd.of(kernels, List.of(), 1, false))
        .hasMessageContaining("momentum must be in [0, 1), got 1.0");
    assertThatThrownBy(() -> Sgd.of(kernels, List.of(), 0, true))
        .hasMessageContaining("Nesterov's form needs a momentum");
  }
}

package dev.outpost.autograd.optim;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.outpost.autograd.Gradients;
import dev.outpost.tensor.Shape;
import dev.outpost.tensor.Tensor;
import dev.outpost.tensor.kernel.Kernels;
import dev.outpost.tensor.kernel.Team;
import dev.outpost.tensor.weight.HeapWeight;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;

class AdamWTest {
  private final TorchGoldens goldens = new TorchGoldens();
  private final TorchGoldens.Case c = goldens.new Case("adamw");
  private final ClipNorm clip = ClipNorm.to(1.5f);

  @Test
  void takesTheStepsOfPyTorchWithClippingAndAnExemptGroup() {
    AdamW adam = AdamW.of(Kernels.scalar(), c.groups);
    c.run(adam, 0, TorchGoldens.STEPS, clip);
    c.same("state.w.exp_avg", adam.state().get("w.exp_avg"));
    c.same("state.w.exp_avg_sq", adam.state().get("w.exp_avg_sq"));
    c.same("state.b.exp_avg", adam.state().get("b.exp_avg"));
    c.same("state.b.exp_avg_sq", adam.state().get("b.exp_avg_sq"));
    assertThat(adam.steps()).isEqualTo(TorchGoldens.STEPS);
  }

  @Test
  void takesTheStepsOfPyTorchOnTheFastKernels() {
    try (Team team = Team.of(2)) {
      c.run(AdamW.of(Kernels.best(team), c.groups), 0, TorchGoldens.STEPS, clip);
    }
  }

  @Test
  void resumesBitForBitFromItsState() {
    AdamW adam = AdamW.of(Kernels.scalar(), c.groups);
    c.run(adam, 0, TorchGoldens.STEPS, clip);
    TorchGoldens.Case again = goldens.new Case("adamw");
    AdamW first = AdamW.of(Kernels.scalar(), again.groups);
    again.run(first, 0, 3, clip);
    Map<String, Tensor> saved = first.state();
    again.gradientsOf(3);
    AdamW second = AdamW.of(Kernels.scalar(), again.groups);
    second.restore(saved);
    assertThat(second.steps()).isEqualTo(3);
    again.run(second, 3, TorchGoldens.STEPS, clip);
    assertThat(again.w.tensor().toArray()).isEqualTo(c.w.tensor().toArray());
    assertThat(again.b.tensor().toArray()).isEqualTo(c.b.tensor().toArray());
    assertThat(second.state().keySet()).isEqualTo(adam.state().keySet());
    for (String key : adam.state().keySet())
      assertThat(second.state().get(key).toArray()).isEqualTo(adam.state().get(key).toArray());
  }

  @Test
  void savesACopyOfItsState() {
    AdamW adam = AdamW.of(Kernels.scalar(), c.groups);
    c.run(adam, 0, 2, clip);
    float[] saved = adam.state().get("w.exp_avg").toArray();
    adam.state().get("w.exp_avg").fill(9);
    assertThat(adam.state().get("w.exp_avg").toArray()).isEqualTo(saved);
  }

  @Test
  void remembersNothingOfAWeightThatNoGradientReached() {
    AdamW adam = AdamW.of(Kernels.scalar(), c.groups);
    adam.step(new Gradients(), 0.1f, 1);
    assertThat(c.w.tensor().toArray()).isEqualTo(goldens.get("adamw.w.start"));
    assertThat(adam.state().keySet()).containsExactly("steps");
    assertThat(adam.steps()).isEqualTo(1);
  }

  @Test
  void countsStepsBeyondWhatAFloatHolds() {
    AdamW adam = AdamW.of(Kernels.scalar(), List.of());
    Map<String, Tensor> state = new HashMap<>(adam.state());
    int many = (1 << 24) + 1;
    state.put("steps", Tensor.of(Shape.of(2), many >>> 16, many & 0xFFFF));
    adam.restore(state);
    assertThat(adam.steps()).isEqualTo(many);
  }

  @Test
  void refusesAStateThatDoesNotFitAndKeepsItsOwn() {
    AdamW adam = AdamW.of(Kernels.scalar(), c.groups);
    c.run(adam, 0, 2, clip);
    Map<String, Tensor> good = adam.state();

    Map<String, Tensor> stranger = new HashMap<>(good);
    stranger.put("x.exp_avg", Tensor.zeros(5));
    Map<String, Tensor> lacking = new HashMap<>(good);
    lacking.remove("b.exp_avg_sq");
    Map<String, Tensor> misshapen = new HashMap<>(good);
    misshapen.put("w.exp_avg", Tensor.zeros(4));
    Map<String, Tensor> uncounted = new HashMap<>(good);
    uncounted.remove("steps");
    refuses(adam, stranger, "adamW: state [x.exp_avg] belongs to no weight here");
    refuses(adam, lacking, "adamW: state b.exp_avg_sq is missing");
    refuses(adam, misshapen, "adamW: state w.exp_avg must be [5], got [4]");
    refuses(adam, uncounted, "adamW: state steps must be there");

    for (String key : good.keySet())
      assertThat(adam.state().get(key).toArray()).isEqualTo(good.get(key).toArray());
  }

  private static void refuses(AdamW adam, Map<String, Tensor> state, String message) {
    assertThatThrownBy(() -> adam.restore(state)).hasMessageContaining(message);
  }

  @Test
  void refusesAWeightOrANameTwice() {
    HeapWeight other = HeapWeight.of(Tensor.zeros(2));
    assertThatThrownBy(() -> AdamW.of(Kernels.scalar(), groups("a", c.w, "a", other)))
        .hasMessageContaining("weight name a occurs twice");
    assertThatThrownBy(() -> AdamW.of(Kernels.scalar(), groups("wte", c.w, "head", c.w)))
        .hasMessageContaining("head and wte are one weight");
  }

  private static List<ParameterGroup> groups(String a, HeapWeight x, String b, HeapWeight y) {
    return List.of(
        new ParameterGroup(
            List.of(new ParameterGroup.Named(a, x), new ParameterGroup.Named(b, y)), 0));
  }

  @Test
  void refusesSettingsOutOfRange() {
    assertThatThrownBy(() -> new AdamW.Betas(1, 0.9f, 1e-8f)).hasMessageContaining("betas must be");
    assertThatThrownBy(() -> new AdamW.Betas(0.9f, 0.9f, 0)).hasMessageContaining("eps positive");
    assertThatThrownBy(() -> new ParameterGroup(List.of(), -1))
        .hasMessageContaining("weight decay must be at least 0, got -1");
  }
}

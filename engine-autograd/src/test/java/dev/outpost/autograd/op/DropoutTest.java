package dev.outpost.autograd.op;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import dev.outpost.autograd.Tape;
import dev.outpost.autograd.Var;
import dev.outpost.tensor.Tensor;
import dev.outpost.tensor.kernel.Kernels;
import dev.outpost.tensor.kernel.Team;
import dev.outpost.tensor.memory.Workspace;
import org.junit.jupiter.api.Test;

class DropoutTest {
  private static final int N = 100_000;
  private final Tensor ones = Tensor.zeros(N);

  DropoutTest() {
    ones.fill(1);
  }

  private float[] drop(Kernels kernels, float p, long key) {
    Tape t = Tape.recording(kernels, new Workspace());
    return Dropout.dropout(t, t.constant(ones), p, key).value().toArray();
  }

  @Test
  void dropsTheAskedShareAndKeepsTheMean() {
    float[] y = drop(Kernels.scalar(), 0.3f, 5);
    int dropped = 0;
    double sum = 0;
    for (float v : y) {
      if (v == 0) dropped++;
      else assertThat(v).isEqualTo(1 / 0.7f);
      sum += v;
    }
    // Four standard deviations of a binomial share.
    assertThat((double) dropped / N).isCloseTo(0.3, within(4 * Math.sqrt(0.3 * 0.7 / N)));
    assertThat(sum / N).isCloseTo(1, within(0.01));
  }

  @Test
  void drawsTheSameMaskForAKeyOnAnyNumberOfThreads() {
    try (Team team = Team.of(3)) {
      assertThat(drop(Kernels.best(team), 0.5f, 9)).isEqualTo(drop(Kernels.scalar(), 0.5f, 9));
    }
    assertThat(drop(Kernels.scalar(), 0.5f, 9)).isNotEqualTo(drop(Kernels.scalar(), 0.5f, 10));
  }

  @Test
  void doesNothingWithoutTrainingOrProbability() {
    Tape evaluating = Tape.evaluating(Kernels.scalar(), new Workspace());
    Var x = evaluating.constant(ones);
    assertThat(Dropout.dropout(evaluating, x, 0.5f, 1)).isSameAs(x);
    Tape training = Tape.recording(Kernels.scalar(), new Workspace());
    Var y = training.constant(ones);
    assertThat(Dropout.dropout(training, y, 0, 1)).isSameAs(y);
  }

  @Test
  void refusesAProbabilityThatIsNone() {
    for (float p : new float[] {-0.1f, 1, Float.NaN})
      assertThatThrownBy(() -> drop(Kernels.scalar(), p, 1))
          .hasMessage("dropout: probability must be in [0, 1), got " + p);
  }
}

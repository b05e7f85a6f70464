package dev.outpost.offsite.control;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import dev.outpost.autograd.GradCheck;
import dev.outpost.autograd.Gradients;
import dev.outpost.autograd.Tape;
import dev.outpost.tensor.ShapeException;
import dev.outpost.tensor.Tensor;
import dev.outpost.tensor.kernel.Kernels;
import dev.outpost.tensor.kernel.Team;
import dev.outpost.tensor.memory.Workspace;
import dev.outpost.tensor.weight.HeapWeight;
import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Clipping, KL and entropy against PyTorch's distributions, and against differences. */
final class PolicyLossTest {
  private static final List<Integer> OPTIONS = List.of(3, 2, 4);
  private static final Branches BRANCHES = Branches.of(OPTIONS);

  private static Map<String, double[]> goldens() throws IOException {
    Map<String, double[]> all = new HashMap<>();
    try (InputStream in = PolicyLossTest.class.getResourceAsStream("policy_loss.txt")) {
      assertThat(in).isNotNull();
      for (String line : new String(in.readAllBytes(), StandardCharsets.UTF_8).lines().toList()) {
        if (line.startsWith("#")) continue;
        List<String> words = List.of(line.split(" ", -1));
        all.put(
            words.getFirst(), words.stream().skip(1).mapToDouble(Double::parseDouble).toArray());
      }
    }
    return all;
  }

  private static PolicyLoss.Taken taken(double[] actions, double[] old, double[] advantages) {
    List<int[]> choices = new ArrayList<>();
    List<double[]> before = new ArrayList<>();
    List<double[]> logs = new ArrayList<>();
    int n = advantages.length;
    for (int r = 0; r < n; r++) {
      int b = OPTIONS.size();
      choices.add(Arrays.stream(actions, r * b, (r + 1) * b).mapToInt(v -> (int) v).toArray());
      double[] log = Arrays.copyOfRange(old, r * BRANCHES.width(), (r + 1) * BRANCHES.width());
      logs.add(log);
      before.add(Arrays.stream(log).map(StrictMath::exp).toArray());
    }
    return new PolicyLoss.Taken(choices, before, logs, advantages);
  }

  @ParameterizedTest
  @ValueSource(strings = {"near", "far", "clip", "kl", "entropy"})
  void lossFiguresAndGradientAreTorchs(String name) throws IOException {
    Map<String, double[]> g = goldens();
    double[] terms = g.get(name + ".terms");
    double[] logits = g.get(name + ".logits");
    HeapWeight w = HeapWeight.of(Tensor.zeros(logits.length / BRANCHES.width(), BRANCHES.width()));
    for (int i = 0; i < logits.length; i++) w.tensor().data()[i] = (float) logits[i];
    Tape t = Tape.recording(Kernels.scalar(), new Workspace());
    Gradients gradients = new Gradients();
    PolicyLoss.Result result =
        PolicyLoss.policyLoss(
            t,
            t.leaf(w, true),
            BRANCHES,
            taken(g.get(name + ".actions"), g.get(name + ".old"), g.get(name + ".advantages")),
            new PolicyLoss.Terms(terms[0], terms[1], terms[2]));
    double[] figures = g.get(name + ".figures");
    assertThat(result.loss().value().get(0))
        .isCloseTo((float) g.get(name + ".loss")[0], within(2e-6f));
    assertThat(result.figures().kl()).isCloseTo(figures[0], within(1e-6));
    assertThat(result.figures().entropy()).isCloseTo(figures[1], within(1e-6));
    assertThat(result.figures().clipped()).isEqualTo(figures[2], within(1e-12));
    t.backward(result.loss(), gradients);
    Tensor d = gradients.get(w);
    assertThat(d).isNotNull();
    double[] want = g.get(name + ".gradient");
    for (int i = 0; i < want.length; i++)
      assertThat(d.get(i)).as("%s [%d]", name, i).isCloseTo((float) want[i], within(1e-6f));
  }

  @Test
  void theGradientFollowsTheLoss() {
    double[] old = new double[4 * BRANCHES.width()];
    HeapWeight w = GradCheck.normal(3, 4, BRANCHES.width());
    double[] row = new double[BRANCHES.width()];
    for (int r = 0; r < 4; r++) {
      BRANCHES.softmax(w.tensor().toArray(), r * BRANCHES.width(), new double[row.length], row);
      System.arraycopy(row, 0, old, r * BRANCHES.width(), row.length);
    }
    // Each row's ratio is 1 here, in the middle of the clip's range, so differences meet no edge.
    PolicyLoss.Taken taken =
        taken(new double[] {0, 1, 3, 2, 0, 0, 1, 1, 2, 0, 0, 1}, old, new double[] {1, -2, .5, 3});
    try (Team team = Team.of(2)) {
      GradCheck.check(
          "policy loss",
          5,
          Kernels.best(team),
          (t, in) ->
              PolicyLoss.policyLoss(
                      t, in.getFirst(), BRANCHES, taken, new PolicyLoss.Terms(0.5, 0.7, 0.3))
                  .loss(),
          w);
    }
  }

  @Test
  void refusesLogitsOfOtherBranches() {
    Tape t = Tape.recording(Kernels.scalar(), new Workspace());
    assertThatThrownBy(() ->
            PolicyLoss.policyLoss(
                t,
                t.constant(Tensor.zeros(1, 5)),
                BRANCHES,
                taken(new double[] {0, 0, 0}, new double[9], new double[1]),
                new PolicyLoss.Terms(0.2, 0, 0)))
        .isInstanceOf(ShapeException.class)
        .hasMessageContaining("policyLoss");
  }
}

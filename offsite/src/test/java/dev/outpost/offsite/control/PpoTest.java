package dev.outpost.offsite.control;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.outpost.autograd.Tape;
import dev.outpost.tensor.Shape;
import dev.outpost.tensor.Tensor;
import dev.outpost.tensor.io.FormatException;
import dev.outpost.tensor.io.JsonObject;
import dev.outpost.tensor.kernel.Kernels;
import dev.outpost.tensor.memory.Workspace;
import dev.outpost.tensor.random.RandomStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.stream.Collectors;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

final class PpoTest {
  private static final JsonObject TOY = JsonObject.create().put("task", "toy");

  @TempDir Path folder;

  /**
   * Three branches and a hidden word: each step shows one of four signs, and a branch earns 1 by
   * naming the option that belongs to sign and branch. The best episode earns 3 per step.
   */
  private record Signs(int length) implements Task {
    @Override
    public int features() {
      return 4;
    }

    @Override
    public List<Integer> branches() {
      return List.of(4, 2, 3);
    }

    static int right(int sign, int branch) {
      return (sign + branch) % List.of(4, 2, 3).get(branch);
    }

    @Override
    public Episode start(long seed) {
      RandomStream random = RandomStream.of(seed, "signs");
      return new Episode() {
        private int sign = random.nextInt(4);

        @Override
        public float[] state() {
          float[] x = new float[4];
          x[sign] = 1;
          return x;
        }

        @Override
        public double act(int[] choices) {
          int earned = 0;
          for (int b = 0; b < 3; b++) if (choices[b] == right(sign, b)) earned++;
          sign = random.nextInt(4);
          return earned;
        }
      };
    }
  }

  /**
   * Paying first: of eight steps the first offers a toll of 1 that is worth 0.5 in every later one.
   * The best episode pays at once and earns 2.5; whoever looks one step ahead earns 0.
   */
  private record Toll() implements Task {
    @Override
    public int features() {
      return 2;
    }

    @Override
    public List<Integer> branches() {
      return List.of(2);
    }

    @Override
    public int length() {
      return 8;
    }

    @Override
    public Episode start(long seed) {
      return new Episode() {
        private int step;
        private boolean paid;

        @Override
        public float[] state() {
          return new float[] {step / 8f, paid ? 1 : 0};
        }

        @Override
        public double act(int[] choices) {
          double reward = paid ? 0.5 : 0;
          if (choices[0] == 1 && !paid) {
            paid = true;
            reward = -1;
          }
          step++;
          return reward;
        }
      };
    }
  }

  private static PpoSettings settings(int iterations, double gamma) {
    return new PpoSettings(
        iterations, 8, 4, 32, 16, 2e-2, gamma, 0.95, 0.2, 0.1, 0.1, 1e-3, 0.5, 1, 0.5);
  }

  /** Reward of an episode in which the likeliest options are taken. */
  private static double played(Task task, PolicyNetwork network, long seed) {
    Branches branches = Branches.of(task.branches());
    Task.Episode episode = task.start(seed);
    double sum = 0;
    for (int t = 0; t < task.length(); t++)
      sum += episode.act(branches.mode(logits(network, episode.state()), 0));
    return sum;
  }

  private static float[] logits(PolicyNetwork network, float[] state) {
    Tape tape = Tape.evaluating(Kernels.scalar(), new Workspace());
    Tensor row = Tensor.of(Shape.of(1, state.length), state);
    Tensor prior = Tensor.zeros(1, network.logits());
    return network.forward(tape, row, prior).logits().value().toArray();
  }

  @Test
  void findsTheBestOptionOfEveryBranch() {
    Task task = new Signs(12);
    // Nothing a choice does lasts longer than its step.
    Ppo ppo = new Ppo(task, settings(50, 0), 1, TOY, Kernels.scalar());
    double first = ppo.iterate().reward();
    while (ppo.iteration() < 50) ppo.iterate();
    // By chance 12·(1/4 + 1/2 + 1/3) = 13.
    assertThat(first).isBetween(9.0, 17.0);
    for (long seed = 1; seed <= 5; seed++)
      assertThat(played(task, ppo.network(), seed)).isEqualTo(36);
  }

  @Test
  void paysATollThatPaysOffLater() {
    Task task = new Toll();
    Ppo ppo = new Ppo(task, settings(40, 1), 2, TOY, Kernels.scalar());
    while (ppo.iteration() < 40) ppo.iterate();
    assertThat(played(task, ppo.network(), 1)).isEqualTo(2.5);
  }

  private static Map<String, float[]> numbers(PolicyNetwork network) {
    return network.weights().entrySet().stream()
        .collect(Collectors.toMap(Map.Entry::getKey, e -> e.getValue().tensor().toArray()));
  }

  private static void same(PolicyNetwork a, PolicyNetwork b) {
    Map<String, float[]> want = numbers(a);
    numbers(b).forEach((name, got) -> assertThat(got).as(name).containsExactly(want.get(name)));
  }

  @Test
  void aResumedRunHasTheBitsOfAnUndisturbedOne() throws Exception {
    Task task = new Signs(6);
    Ppo whole = new Ppo(task, settings(8, 1), 3, TOY, Kernels.scalar());
    while (whole.iteration() < 8) whole.iterate();
    Ppo first = new Ppo(task, settings(8, 1), 3, TOY, Kernels.scalar());
    first.resume(folder);
    assertThat(first.iteration()).isZero();
    for (int i = 0; i < 3; i++) first.iterate();
    first.save(folder);
    first.iterate();
    Ppo second = new Ppo(task, settings(8, 1), 3, TOY, Kernels.scalar());
    second.resume(folder);
    assertThat(second.iteration()).isEqualTo(3);
    while (second.iteration() < 8) second.iterate();
    same(whole.network(), second.network());
    assertThat(second.curve()).isEqualTo(whole.curve());
    try (var files = Files.list(folder)) {
      assertThat(files.map(p -> p.getFileName().toString())).containsExactly("last.safetensors");
    }
  }

  @Test
  void aRunOfOtherSettingsSeedOrTaskIsNotResumed() throws Exception {
    Task task = new Signs(2);
    Ppo saved = new Ppo(task, settings(2, 1), 3, TOY, Kernels.scalar());
    saved.iterate();
    saved.save(folder);
    for (Ppo other :
        List.of(
            new Ppo(task, settings(4, 1), 3, TOY, Kernels.scalar()),
            new Ppo(task, settings(2, 1), 4, TOY, Kernels.scalar()),
            new Ppo(
                task, settings(2, 1), 3, JsonObject.create().put("task", "x"), Kernels.scalar()))) {
      Map<String, float[]> before = numbers(other.network());
      assertThatThrownBy(() -> other.resume(folder))
          .isInstanceOf(FormatException.class)
          .hasMessageContaining("other settings");
      numbers(other.network())
          .forEach((name, now) -> assertThat(now).containsExactly(before.get(name)));
    }
  }

  @Test
  void penaltyFollowsTheDivergenceWithinBounds() {
    PpoSettings loose =
        new PpoSettings(40, 4, 1, 64, 8, 1e-6, 1, 0.95, 0.2, 0.5, 0.05, 0, 0.5, 1, 0.5);
    Ppo still = new Ppo(new Toll(), loose, 1, TOY, Kernels.scalar());
    double beta = 1;
    for (int i = 0; i < 20; i++) beta = still.iterate().beta();
    // A policy that hardly moves needs no penalty: halved each time, but not below a thousandth.
    assertThat(beta).isEqualTo(1e-3);
  }
}

package dev.outpost.transformer.train;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.outpost.autograd.optim.Schedule;
import dev.outpost.tensor.kernel.Kernels;
import dev.outpost.tensor.kernel.MirrorKernels;
import dev.outpost.transformer.TinyModels;
import dev.outpost.transformer.TransformerModel;
import dev.outpost.transformer.peft.Attach;
import dev.outpost.transformer.peft.LoraConfig;
import dev.outpost.transformer.privacy.DpSgd;
import dev.outpost.transformer.privacy.Secret;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.atomic.AtomicInteger;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;

/** Batches that are made while a device computes. */
class AheadTest {
  private static final int STEPS = 6;
  private static final int EACH = 2;
  private static final Blocks TEXT = Blocks.of(TinyModels.tokens(5 * 8, 23, 1), 8);

  /** The same text, on record: which thread made each batch. */
  private static class Watched implements Examples {
    final List<String> threads = new ArrayList<>();
    final AtomicInteger running = new AtomicInteger();

    @Override
    public int count() {
      return TEXT.count();
    }

    @Override
    public Batch batch(int[] which) {
      running.incrementAndGet();
      try {
        threads.add(Thread.currentThread().getName());
        before(threads.size());
        return TEXT.batch(which);
      } finally {
        running.decrementAndGet();
      }
    }

    /** What happens before the batch of this number, from 1, is made. */
    void before(int number) {
      assertThat(number).isPositive();
    }

    @Override
    public String extent() {
      return TEXT.extent();
    }

    @Override
    public String sha256() {
      return TEXT.sha256();
    }
  }

  private static List<Double> losses(
      Kernels kernels, Examples text, Objective objective, @Nullable DpSgd dp) {
    List<Double> losses = new ArrayList<>();
    losses(kernels, text, objective, dp, losses);
    return losses;
  }

  private static void losses(
      Kernels kernels, Examples text, Objective objective, @Nullable DpSgd dp, List<Double> to) {
    TrainingPlan plan =
        new TrainingPlan(
            STEPS, 2, EACH, 0.05f, new Schedule.Cosine(1, STEPS), 0, 1, 0, 0, 5, false);
    TransformerModel model =
        Attach.attach(
            TinyModels.random(TinyModels.spec(2), 1),
            Set.of("blocks.0"),
            new LoraConfig(2, 4, 0.2f, LoraConfig.ALL_PROJECTIONS),
            1);
    new Trainer(model, objective, text, null, plan, kernels, dp)
        .run(
            new Progress() {
              @Override
              public void step(Step step) {
                to.add(step.loss());
              }
            });
  }

  private static MirrorKernels device() {
    return new MirrorKernels(TinyModels.best());
  }

  @Test
  void theNextIsMadeElsewhereWithTheSameNumbersAndNoneBehindTheEnd() {
    Watched alone = new Watched();
    List<Double> wanted = losses(TinyModels.best(), alone, Objective.languageModel(), null);
    assertThat(alone.threads).hasSize(STEPS * EACH).containsOnly(Thread.currentThread().getName());
    Watched ahead = new Watched();
    assertThat(losses(device(), ahead, Objective.languageModel(), null)).isEqualTo(wanted);
    assertThat(ahead.threads).hasSize(STEPS * EACH);
    assertThat(ahead.threads.getFirst()).isEqualTo(Thread.currentThread().getName());
    assertThat(ahead.threads.subList(1, STEPS * EACH)).containsOnly(Ahead.THREAD);
  }

  @Test
  void lotsOfPrivateStepsToo() {
    DpSgd dp = new DpSgd(0.7, 0.5f, Secret.ofSeed(3));
    Watched alone = new Watched();
    List<Double> wanted = losses(TinyModels.best(), alone, Objective.languageModel(), dp);
    Watched ahead = new Watched();
    assertThat(losses(device(), ahead, Objective.languageModel(), dp)).isEqualTo(wanted);
    assertThat(ahead.threads).hasSameSizeAs(alone.threads).contains(Ahead.THREAD);
  }

  @Test
  void aBatchThatFailsFailsItsOwnStep() {
    int failing = 3 * EACH + 1;
    RuntimeException unreadable = new RuntimeException("text: cannot be read any more");
    Watched text =
        new Watched() {
          @Override
          void before(int number) {
            if (number == failing) throw unreadable;
          }
        };
    List<Double> told = new ArrayList<>();
    assertThatThrownBy(() -> losses(device(), text, Objective.languageModel(), null, told))
        .isSameAs(unreadable);
    assertThat(told).hasSize(3);
    assertThat(text.threads).hasSize(failing);
  }

  @Test
  void nothingRunsOnAfterAFailure() {
    CountDownLatch failed = new CountDownLatch(1);
    Watched text =
        new Watched() {
          @Override
          void before(int number) {
            if (number == 3) {
              // Is still being made when the step before it has failed.
              try {
                failed.await();
                Thread.sleep(20);
              } catch (InterruptedException e) {
                throw new IllegalStateException(e);
              }
            }
          }
        };
    RuntimeException death = new RuntimeException("the device is gone");
    AtomicInteger calls = new AtomicInteger();
    Objective mortal =
        (model, pass, input, targets) -> {
          if (calls.incrementAndGet() == 2) {
            failed.countDown();
            throw death;
          }
          return Objective.languageModel().loss(model, pass, input, targets);
        };
    assertThatThrownBy(() -> losses(device(), text, mortal, null)).isSameAs(death);
    assertThat(text.running).hasValue(0);
    assertThat(text.threads).hasSize(3);
  }
}

package dev.outpost.offsite.report;

import dev.outpost.offsite.split.Split;
import dev.outpost.tensor.io.JsonObject;
import dev.outpost.tensor.kernel.Kernels;
import dev.outpost.transformer.TransformerModel;
import dev.outpost.transformer.run.Perplexity;
import dev.outpost.transformer.train.Examples;
import dev.outpost.transformer.train.Objective;
import dev.outpost.transformer.train.Progress;
import dev.outpost.transformer.train.Trainer;
import dev.outpost.transformer.train.TrainingPlan;
import java.util.Set;

/**
 * How far a stranger with the package and public text can heal the emulator: every block between
 * the adapter's is trained as a language model, adapter, embeddings and head staying as they are.
 *
 * @param fullLoss nats per token of the full model on public text that was held back
 * @param emulatorLoss of the emulator as shipped
 * @param healedLoss of the emulator after training, at its best validation
 * @param tokens public tokens read in training
 * @param steps taken
 */
public record RecoveryProbe(
    double fullLoss, double emulatorLoss, double healedLoss, long tokens, int steps) {
  /** The gap under which there is nothing to close. */
  private static final double NO_GAP = 1e-4;

  /** Tries it. */
  public static RecoveryProbe of(
      TransformerModel full,
      TransformerModel emulated,
      Set<String> adapterSlots,
      Examples text,
      Examples held,
      TrainingPlan plan,
      Kernels kernels,
      Progress progress) {
    double was = loss(emulated, held, kernels);
    TransformerModel healed =
        emulated.trainable(n -> n.startsWith("blocks.") && !Split.owns(adapterSlots, n));
    long[] tokens = new long[1];
    Progress counting =
        new Progress() {
          @Override
          public void step(Step step) {
            tokens[0] += step.tokens();
            progress.step(step);
          }

          @Override
          public void evaluated(int step, double meanLoss, boolean best) {
            progress.evaluated(step, meanLoss, best);
          }

          @Override
          public boolean stopRequested() {
            return progress.stopRequested();
          }
        };
    Trainer.Result r =
        new Trainer(healed, Objective.languageModel(), text, held, plan, kernels).run(counting);
    double is = Math.min(was, loss(healed, held, kernels));
    return new RecoveryProbe(loss(full, held, kernels), was, is, tokens[0], r.steps());
  }

  private static double loss(TransformerModel model, Examples text, Kernels kernels) {
    return Perplexity.of(model, kernels, kernels.memory().workspace(), text, 8).meanLoss();
  }

  /** Whether the emulator is any worse than the full model. */
  public boolean gap() {
    return emulatorLoss - fullLoss > NO_GAP;
  }

  /** The share of the gap that was closed, above 1 when more than it; NaN where there was none. */
  public double closed() {
    return gap() ? (emulatorLoss - healedLoss) / (emulatorLoss - fullLoss) : Double.NaN;
  }

  /** The losses and the share, null where there was no gap. */
  public JsonObject toJson() {
    return JsonObject.create()
        .put("full_loss", fullLoss)
        .put("emulator_loss", emulatorLoss)
        .put("healed_loss", healedLoss)
        .put("share_of_gap_closed", gap() ? closed() : null)
        .put("public_tokens", tokens)
        .put("steps", steps);
  }
}

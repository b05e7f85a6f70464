package dev.outpost.offsite.emulator;

import dev.outpost.offsite.artifact.BaseFingerprint;
import dev.outpost.offsite.split.Split;
import dev.outpost.tensor.io.JsonObject;
import dev.outpost.tensor.random.RandomStream;
import dev.outpost.transformer.TransformerModel;
import dev.outpost.transformer.train.Examples;
import dev.outpost.transformer.train.Measure;
import dev.outpost.transformer.train.TrainingPlan;
import java.io.IOException;
import java.util.List;
import java.util.Map;
import java.util.OptionalInt;

/**
 * Aligns an emulator to the full model with the adapter as it is now (FedBiOT, Wu et al. 2024,
 * after the released configuration): {@code L = hidden·L_kd + lambda·KL(full ‖ emulated)}, {@code
 * L_kd} as {@link Distillation} has it, KL per token at temperature 1, no language-model loss. The
 * adapter is frozen; the last step's numbers stay. As a step it is done once; {@link #round} does
 * it at the start of every round of a federation.
 *
 * @param hidden weight of the hidden states' loss
 * @param lambda weight of the logits' loss
 * @param roundSteps training steps in a round
 * @param training how to train; its steps are those of the first alignment
 */
public record Realign(float hidden, float lambda, int roundSteps, StepTraining training)
    implements EmulatorStep {
  static final String NAME = "realign";
  private static final double PAPER_LAMBDA = 0.9;
  private static final int PAPER_FIRST_STEPS = 50;
  private static final int PAPER_ROUND_STEPS = 10;

  public Realign {
    if (!(hidden >= 0) || !(lambda >= 0) || hidden + lambda == 0)
      throw new IllegalArgumentException(
          "step realign: hidden and lambda must be 0 or more and not both 0; got "
              + hidden
              + " and "
              + lambda);
    if (roundSteps < 1)
      throw new IllegalArgumentException(
          "step realign: round-steps must be at least 1, got " + roundSteps);
    if (training.steps().isEmpty())
      training =
          new StepTraining(
              OptionalInt.of(PAPER_FIRST_STEPS), training.learningRate(), training.batch());
  }

  /** As the released configuration. */
  public static Realign paper() {
    return new Realign(1, (float) PAPER_LAMBDA, PAPER_ROUND_STEPS, StepTraining.OPEN);
  }

  static Realign read(StepSettings s) {
    return new Realign(
        (float) s.number("hidden", 0, 1e6, 1),
        (float) s.number("lambda", 0, 1e6, PAPER_LAMBDA),
        s.integer("round-steps", 1, 1 << 30, PAPER_ROUND_STEPS),
        StepTraining.read(s));
  }

  @Override
  public String name() {
    return NAME;
  }

  @Override
  public boolean needsText() {
    return true;
  }

  @Override
  public Draft apply(Draft draft, Workshop shop) throws IOException, StoppedException {
    return align(draft, training.over(shop.plan()), shop);
  }

  /**
   * The draft with its emulator aligned to {@code current}, for the start of a round.
   *
   * @param current the full model with the adapter of this round in place, as {@link
   *     dev.outpost.offsite.artifact.PlugIn} gives it, merged or not
   * @param round from 0: each round reads the text in an order of its own
   * @throws IllegalArgumentException when {@code current} has other blocks than the draft's model
   */
  public Draft round(Draft draft, TransformerModel current, int round, Workshop shop)
      throws IOException, StoppedException {
    if (!names(current).equals(names(draft.full())))
      throw new IllegalArgumentException(
          "realign: the current model has blocks "
              + names(current)
              + ", the emulator was made of "
              + names(draft.full()));
    Split split = new Split(current.slots(), draft.split().adapterSlots());
    StepTraining few =
        new StepTraining(OptionalInt.of(roundSteps), training.learningRate(), training.batch());
    TrainingPlan plan = few.over(shop.plan()).seeded(RandomStream.hash(shop.seed(), round));
    Draft aligned =
        align(new Draft(current, split, draft.middle()), plan, shop.inside("round-" + round));
    return draft.with(aligned.middle());
  }

  private static List<String> names(TransformerModel model) {
    return model.slots().stream().map(s -> s.name()).toList();
  }

  private Draft align(Draft draft, TrainingPlan plan, Workshop shop)
      throws IOException, StoppedException {
    Examples text = shop.text(this);
    Distillation objective =
        new Distillation(draft.split(), 0, hidden, SoftTargets.of(lambda), null);
    Map<String, String> identity =
        shop.state() == null
            ? Map.of()
            : objective.identity(draft, BaseFingerprint.of(draft.full()).sha256());
    return objective.train(draft, text, null, Measure.perplexity(), plan, shop, identity, NAME);
  }

  @Override
  public JsonObject describe() {
    return training.describe(
        JsonObject.create()
            .put("step", NAME)
            .put("hidden", hidden)
            .put("lambda", lambda)
            .put("round-steps", roundSteps));
  }
}

package dev.outpost.offsite.emulator;

import dev.outpost.autograd.Tape;
import dev.outpost.autograd.Var;
import dev.outpost.autograd.op.Add;
import dev.outpost.autograd.op.NormalisedMse;
import dev.outpost.offsite.artifact.BaseFingerprint;
import dev.outpost.offsite.split.Split;
import dev.outpost.tensor.io.JsonObject;
import dev.outpost.transformer.Input;
import dev.outpost.transformer.Slot;
import dev.outpost.transformer.TransformerModel;
import dev.outpost.transformer.module.Pass;
import dev.outpost.transformer.train.Examples;
import dev.outpost.transformer.train.Objective;
import dev.outpost.transformer.train.Trainer;
import dev.outpost.transformer.train.TrainingPlan;
import java.io.IOException;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeSet;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;

/**
 * Trains the harmonizers that a step put into a draft, and nothing else.
 *
 * @param loss what is made small
 * @param training how; what it leaves open is the workshop's plan
 */
public record HarmonizerTraining(Loss loss, StepTraining training) {
  /** What harmonizers learn from. */
  public enum Loss {
    /** They stay as they are. */
    NONE,
    /** The next token of public text, through the whole network (the paper's). */
    LM,
    /** What the replaced block makes of the same input, each for itself. */
    HIDDEN;

    String word() {
      return name().toLowerCase(java.util.Locale.ROOT);
    }
  }

  public HarmonizerTraining {
    if (loss == Loss.NONE && !training.equals(StepTraining.OPEN))
      throw new IllegalArgumentException(
          "harmonizers: steps, lr and batch say how to train; add train=lm or train=hidden");
  }

  /** Setting {@code train}, and those of {@link StepTraining}. */
  static HarmonizerTraining read(StepSettings s, Loss otherwise) {
    String word = s.choice("train", otherwise.word(), "none", "lm", "hidden");
    StepTraining training = StepTraining.read(s);
    if (word.equals("none") && !training.equals(StepTraining.OPEN))
      throw s.wrong("train", "is none, so steps, lr and batch say nothing; add train=lm or hidden");
    return new HarmonizerTraining(Loss.valueOf(word.toUpperCase(java.util.Locale.ROOT)), training);
  }

  JsonObject describe(JsonObject to) {
    return training.describe(to.put("train", loss.word()));
  }

  boolean needsText() {
    return loss != Loss.NONE;
  }

  /** {@code before} with harmonizers in some of its slots; these are trained where asked for. */
  Draft place(EmulatorStep step, Draft before, Map<Integer, Harmonizer> fresh, Workshop shop)
      throws IOException, StoppedException {
    Set<Integer> left = new TreeSet<>(fresh.keySet());
    List<Slot> middle =
        before.middle().stream()
            .map(s -> {
              Harmonizer h = fresh.get(Split.index(s));
              left.remove(Split.index(s));
              return h == null ? s : s.with(h);
            })
            .toList();
    if (!left.isEmpty())
      throw new IllegalArgumentException(
          "step "
              + step.name()
              + ": the middle has no blocks "
              + left
              + "; it has "
              + before.middle().stream().map(Slot::name).toList());
    Draft after = before.with(middle);
    return loss == Loss.NONE || fresh.isEmpty() ? after : train(step, before, after, fresh, shop);
  }

  private Draft train(
      EmulatorStep step, Draft before, Draft after, Map<Integer, Harmonizer> fresh, Workshop shop)
      throws IOException, StoppedException {
    Examples text = shop.text(step);
    TrainingPlan plan = training.over(shop.plan());
    Set<String> slots = fresh.keySet().stream().map(i -> "blocks." + i).collect(Collectors.toSet());
    TransformerModel student = after.model().trainable(name -> Split.owns(slots, name));
    Objective objective =
        loss == Loss.LM ? Objective.languageModel() : new Imitation(before.model(), slots);
    Map<String, String> identity =
        shop.state() == null
            ? Map.of()
            : Map.of(
                "step",
                step.describe().toLine(),
                "teacher",
                BaseFingerprint.of(before.model()).sha256(),
                "start",
                BaseFingerprint.of(after.model()).sha256());
    Trainer.Result result =
        new Trainer(student, objective, text, shop.validation(), plan, shop.kernels())
            .run(shop.state(), identity, shop.progress().apply("harmonize"));
    if (!result.finished()) throw new StoppedException(step.name(), result.steps());
    Set<String> middle = after.middle().stream().map(Slot::name).collect(Collectors.toSet());
    return after.with(
        student.frozen().slots().stream().filter(s -> middle.contains(s.name())).toList());
  }

  /**
   * Each harmonizer learns to do what the block did that it replaced, on the input that the block
   * has in the network of before: {@code Σ mean(((T − S)/rms(T))²)} over the replaced blocks.
   *
   * @param teacher the network of before
   * @param slots names of the replaced blocks
   */
  record Imitation(TransformerModel teacher, Set<String> slots) implements Objective {
    @Override
    public Var loss(TransformerModel student, Pass pass, Input input, int[] targets) {
      Tape tape = pass.tape();
      Tape evaluating = Tape.evaluating(tape.kernels(), tape.workspace());
      Pass plain = pass.on(evaluating).withDropout(0);
      Var x = teacher.embed(plain, input);
      @Nullable Var sum = null;
      int missing = slots.size();
      for (int i = 0; missing > 0; i++) {
        Slot block = teacher.slots().get(i);
        Slot pupil = student.slots().get(i);
        Var in = x;
        try (Tape.Scope scope = evaluating.scope()) {
          x = scope.keep(TransformerModel.stack(plain, List.of(block), in));
        }
        if (!slots.contains(pupil.name())) {
          evaluating.release(in);
          continue;
        }
        missing--;
        Var out = TransformerModel.stack(pass, List.of(pupil), tape.constant(in.value()));
        Var one = NormalisedMse.normalisedMse(tape, out, x.value());
        sum = sum == null ? one : Add.add(tape, sum, one);
      }
      if (sum == null) throw new IllegalStateException("harmonizers: none to train");
      return sum;
    }
  }
}

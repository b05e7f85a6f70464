package dev.outpost.offsite.emulator;

import dev.outpost.autograd.Tape;
import dev.outpost.autograd.Var;
import dev.outpost.autograd.op.Add;
import dev.outpost.autograd.op.NormalisedMse;
import dev.outpost.autograd.op.Scale;
import dev.outpost.offsite.split.Split;
import dev.outpost.transformer.Input;
import dev.outpost.transformer.Slot;
import dev.outpost.transformer.TransformerModel;
import dev.outpost.transformer.module.Pass;
import dev.outpost.transformer.train.Objective;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import java.util.TreeMap;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;

/**
 * Emulator distillation (Xiao et al. 2023, get_kd_loss): the emulator blocks learn to do what the
 * full middle does on the same input, {@code L = lmWeight·L_lm + kdWeight·L_kd} with {@code L_kd =
 * mean(((T − S)/rms(T))²)}. Adapter, embeddings and head stay frozen; the LM loss reaches the
 * emulator through the frozen top adapter. Where adapter blocks stand between, each run of the
 * middle is compared on its own and {@code L_kd} is the runs' sum; the paper's sandwich has one.
 *
 * @param split of the full model, whose middle is the teacher
 * @param lmWeight 1 in the paper
 * @param kdWeight 30 in the paper
 */
public record Distillation(Split split, float lmWeight, float kdWeight) implements Objective {
  /** The paper's weights for language models. */
  public static final float PAPER_LM_WEIGHT = 1;

  /** The paper's weights for language models. */
  public static final float PAPER_KD_WEIGHT = 30;

  public Distillation {
    if (!(lmWeight >= 0) || !(kdWeight >= 0) || lmWeight + kdWeight == 0)
      throw new IllegalArgumentException("distillation: weights must be ≥ 0 and not both 0");
  }

  /** The student: the draft as one model, only its middle trainable. */
  public static TransformerModel student(Draft draft) {
    Set<String> slots = draft.middle().stream().map(Slot::name).collect(Collectors.toSet());
    return draft.model().trainable(name -> Split.owns(slots, name));
  }

  @Override
  public Var loss(TransformerModel student, Pass pass, Input input, int[] targets) {
    Tape tape = pass.tape();
    TreeMap<Integer, List<Slot>> teachers = split.segments(split.middle());
    Var h = student.embed(pass, input);
    @Nullable Var kd = null;
    for (List<Slot> run : runs(student.slots())) {
      Var in = h;
      h = TransformerModel.stack(pass, run, in);
      if (kdWeight == 0 || split.adapterSlots().contains(run.getFirst().name())) continue;
      List<Slot> teacher = teachers.getOrDefault(split.adaptersBefore(run.getFirst()), List.of());
      Var one = NormalisedMse.normalisedMse(tape, h, teach(pass, teacher, in).value());
      kd = kd == null ? one : Add.add(tape, kd, one);
      if (lmWeight == 0 && split.adaptersBefore(run.getFirst()) == teachers.lastKey()) break;
    }
    @Nullable Var weighted = kd == null ? null : Scale.scale(tape, kd, kdWeight);
    if (lmWeight == 0 && weighted != null) return weighted;
    Var lm = Scale.scale(tape, student.lossOf(pass, student.ending(pass, h), targets), lmWeight);
    return weighted == null ? lm : Add.add(tape, weighted, lm);
  }

  /** The stack in runs of adapter blocks and of middle blocks. */
  private List<List<Slot>> runs(List<Slot> stack) {
    List<List<Slot>> runs = new ArrayList<>();
    boolean before = false;
    for (Slot s : stack) {
      boolean adapter = split.adapterSlots().contains(s.name());
      if (runs.isEmpty() || adapter != before) runs.add(new ArrayList<>());
      runs.getLast().add(s);
      before = adapter;
    }
    return runs;
  }

  /** What the full middle makes of h, without a record. */
  private static Var teach(Pass pass, List<Slot> teacher, Var h) {
    Tape evaluating = Tape.evaluating(pass.tape().kernels(), pass.tape().workspace());
    try (Tape.Scope scope = evaluating.scope()) {
      Pass plain = pass.on(evaluating).withDropout(0);
      return scope.keep(TransformerModel.stack(plain, teacher, evaluating.constant(h.value())));
    }
  }
}

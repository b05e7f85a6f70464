package dev.outpost.offsite.emulator;

import dev.outpost.autograd.Tape;
import dev.outpost.autograd.Var;
import dev.outpost.autograd.op.Add;
import dev.outpost.autograd.op.NormalisedMse;
import dev.outpost.autograd.op.Scale;
import dev.outpost.offsite.split.Sandwich;
import dev.outpost.transformer.Input;
import dev.outpost.transformer.Slot;
import dev.outpost.transformer.TransformerModel;
import dev.outpost.transformer.module.Pass;
import dev.outpost.transformer.train.Objective;
import java.util.List;
import java.util.Set;
import java.util.stream.Collectors;

/**
 * Emulator distillation (Xiao et al. 2023, get_kd_loss): the emulator blocks learn to do what the
 * full middle does on the same input, {@code L = lmWeight·L_lm + kdWeight·L_kd} with {@code L_kd =
 * mean(((T − S)/rms(T))²)}. Adapter, embeddings and head stay frozen; the LM loss reaches the
 * emulator through the frozen top adapter.
 *
 * @param teacher the full middle
 * @param bottom size of the bottom adapter in slots
 * @param emulator number of emulator slots after it
 * @param lmWeight 1 in the paper
 * @param kdWeight 30 in the paper
 */
public record Distillation(
    List<Slot> teacher, int bottom, int emulator, float lmWeight, float kdWeight)
    implements Objective {
  /** The paper's weights for language models. */
  public static final float PAPER_LM_WEIGHT = 1;

  /** The paper's weights for language models. */
  public static final float PAPER_KD_WEIGHT = 30;

  public Distillation {
    if (!(lmWeight >= 0) || !(kdWeight >= 0) || lmWeight + kdWeight == 0)
      throw new IllegalArgumentException("distillation: weights must be ≥ 0 and not both 0");
    teacher = List.copyOf(teacher);
  }

  /** The student: the model with {@code emulated} in the middle, only those blocks trainable. */
  public static TransformerModel student(
      TransformerModel full, Sandwich split, List<Slot> emulated) {
    Set<String> slots = emulated.stream().map(Slot::name).collect(Collectors.toSet());
    return full.withSlots(split.around(emulated)).trainable(name -> Sandwich.owns(slots, name));
  }

  @Override
  public Var loss(TransformerModel student, Pass pass, Input input, int[] targets) {
    Tape tape = pass.tape();
    List<Slot> slots = student.slots();
    Var h = TransformerModel.stack(pass, slots.subList(0, bottom), student.embed(pass, input));
    Var s = TransformerModel.stack(pass, slots.subList(bottom, bottom + emulator), h);
    if (kdWeight == 0) return languageModel(student, pass, s, targets);
    Var kd =
        Scale.scale(tape, NormalisedMse.normalisedMse(tape, s, teach(pass, h).value()), kdWeight);
    return lmWeight == 0 ? kd : Add.add(tape, kd, languageModel(student, pass, s, targets));
  }

  /** The weighted language-model loss of the emulator's output s, through the top adapter. */
  private Var languageModel(TransformerModel student, Pass pass, Var s, int[] targets) {
    Tape tape = pass.tape();
    List<Slot> top = student.slots().subList(bottom + emulator, student.slots().size());
    Var h = student.ending(pass, TransformerModel.stack(pass, top, s));
    return Scale.scale(tape, student.lossOf(pass, h, targets), lmWeight);
  }

  /** What the full middle makes of h, without a record. */
  private Var teach(Pass pass, Var h) {
    Tape evaluating = Tape.evaluating(pass.tape().kernels(), pass.tape().workspace());
    try (Tape.Scope scope = evaluating.scope()) {
      Pass plain = pass.on(evaluating).withDropout(0);
      return scope.keep(TransformerModel.stack(plain, teacher, evaluating.constant(h.value())));
    }
  }
}

package dev.outpost.offsite.emulator;

import dev.outpost.autograd.Tape;
import dev.outpost.autograd.Var;
import dev.outpost.autograd.op.Add;
import dev.outpost.autograd.op.CrossEntropy;
import dev.outpost.autograd.op.NormalisedMse;
import dev.outpost.autograd.op.Scale;
import dev.outpost.offsite.split.Sandwich;
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
  public Var loss(TransformerModel student, Pass pass, int[] ids, int[] targets) {
    Tape tape = pass.tape();
    List<Slot> slots = student.slots();
    Var h = TransformerModel.stack(pass, slots.subList(0, bottom), student.embed(pass, ids));
    Var s = TransformerModel.stack(pass, slots.subList(bottom, bottom + emulator), h);
    Var total = null; // at least one weight is positive
    if (kdWeight > 0) {
      Var t = teach(pass, h);
      total = Scale.scale(tape, NormalisedMse.normalisedMse(tape, s, t.value()), kdWeight);
    }
    if (lmWeight > 0) {
      Var top =
          student
              .norm()
              .apply(
                  pass,
                  TransformerModel.stack(pass, slots.subList(bottom + emulator, slots.size()), s));
      Var lm =
          Scale.scale(
              tape,
              CrossEntropy.linearCrossEntropy(tape, top, pass.of(student.headWeight()), targets),
              lmWeight);
      total = total == null ? lm : Add.add(tape, total, lm);
    }
    return total;
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

package dev.outpost.offsite.emulator;

import dev.outpost.autograd.Tape;
import dev.outpost.autograd.Var;
import dev.outpost.autograd.op.Add;
import dev.outpost.autograd.op.Divergence;
import dev.outpost.autograd.op.NormalisedMse;
import dev.outpost.autograd.op.Scale;
import dev.outpost.offsite.split.Split;
import dev.outpost.tensor.Tensor;
import dev.outpost.tensor.kernel.MatView;
import dev.outpost.tensor.memory.DeviceMemory;
import dev.outpost.tensor.weight.HeapWeight;
import dev.outpost.transformer.Input;
import dev.outpost.transformer.Slot;
import dev.outpost.transformer.Spec;
import dev.outpost.transformer.TransformerModel;
import dev.outpost.transformer.layer.Head;
import dev.outpost.transformer.module.Pass;
import dev.outpost.transformer.train.Examples;
import dev.outpost.transformer.train.Measure;
import dev.outpost.transformer.train.Objective;
import dev.outpost.transformer.train.Trainer;
import dev.outpost.transformer.train.TrainingPlan;
import java.io.IOException;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
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
 * With soft targets the emulated model's logits learn from the full model's, too.
 *
 * @param split of the full model, whose middle is the teacher
 * @param lmWeight 1 in the paper
 * @param kdWeight 30 in the paper
 * @param soft how logits count
 * @param lessons what the full model says, where it was written before; null computes it
 */
public record Distillation(
    Split split, float lmWeight, float kdWeight, SoftTargets soft, @Nullable Lessons lessons)
    implements Objective {
  /** The paper's weights for language models. */
  public static final float PAPER_LM_WEIGHT = 1;

  /** The paper's weights for language models. */
  public static final float PAPER_KD_WEIGHT = 30;

  public Distillation {
    if (!(lmWeight >= 0) || !(kdWeight >= 0) || lmWeight + kdWeight + soft.weight() == 0)
      throw new IllegalArgumentException("distillation: weights must be ≥ 0 and not all 0");
  }

  /** The paper's loss. */
  public Distillation(Split split, float lmWeight, float kdWeight) {
    this(split, lmWeight, kdWeight, SoftTargets.NONE, null);
  }

  /** The student: the draft as one model, only its middle trainable. */
  public static TransformerModel student(Draft draft) {
    Set<String> slots = draft.middle().stream().map(Slot::name).collect(Collectors.toSet());
    return draft.model().trainable(name -> Split.owns(slots, name));
  }

  @Override
  public Var loss(TransformerModel student, Pass training, Input input, int[] targets) {
    Pass pass = training.withDropout(0); // a frozen adapter's own, such as LoRA's
    Tape tape = pass.tape();
    TreeMap<Integer, List<Slot>> teachers = split.segments(split.middle());
    boolean toTheEnd = lmWeight + soft.weight() > 0;
    Var h = student.embed(pass, input);
    @Nullable Var kd = null;
    @Nullable Var taught = null;
    for (List<Slot> run : runs(student.slots())) {
      Var in = h;
      h = TransformerModel.stack(pass, run, in);
      if (kdWeight == 0 || split.adapterSlots().contains(run.getFirst().name())) continue;
      int place = split.adaptersBefore(run.getFirst());
      if (lessons == null) taught = teach(pass, teachers.getOrDefault(place, List.of()), in);
      Tensor said = taught == null ? requireLessons().middle(tape, input) : taught.value();
      Var one = NormalisedMse.normalisedMse(tape, h, said);
      kd = kd == null ? one : Add.add(tape, kd, one);
      if (!toTheEnd && place == teachers.lastKey()) break;
    }
    @Nullable Var sum = kd == null ? null : Scale.scale(tape, kd, kdWeight);
    if (!toTheEnd && sum != null) return sum;
    Var hidden = student.ending(pass, h);
    if (lmWeight > 0)
      sum = plus(tape, Scale.scale(tape, student.lossOf(pass, hidden, targets), lmWeight), sum);
    if (soft.weight() > 0) {
      Divergence.Teacher teacher =
          lessons != null
              ? lessons.logits(student, pass, input)
              : said(student, pass, input, teachers.size() == 1 ? taught : null);
      sum = plus(tape, softLoss(student, pass, hidden, targets, teacher), sum);
    }
    if (sum == null) throw new IllegalStateException("distillation: no loss has a weight");
    return sum;
  }

  private Lessons requireLessons() {
    if (lessons == null) throw new IllegalStateException("distillation: nobody teaches");
    return lessons;
  }

  private static Var plus(Tape tape, Var one, @Nullable Var other) {
    return other == null ? one : Add.add(tape, other, one);
  }

  private Var softLoss(
      TransformerModel student, Pass pass, Var hidden, int[] targets, Divergence.Teacher teacher) {
    Head head = student.head();
    DeviceMemory memory = pass.tape().kernels().memory();
    Var loss =
        Divergence.linearDivergence(
            pass.tape(),
            head.reads(pass, hidden),
            pass.of(student.headWeight()),
            head.bias() == null ? null : head.bias().weight().toTensor(),
            student.spec().head().softCap(),
            targets,
            soft.temperature(),
            soft.top() == 0 ? teacher : (rows, out) -> onlyTop(memory, rows, out, teacher));
    return Scale.scale(pass.tape(), loss, soft.weight());
  }

  private void onlyTop(DeviceMemory memory, int[] rows, Tensor out, Divergence.Teacher teacher) {
    teacher.logits(rows, out);
    if (lessons != null) return;
    memory.fetch(out);
    int k = Math.min(soft.top(), out.cols());
    for (int r = 0; r < rows.length; r++) {
      int[] ids = Lessons.top(out, r, k);
      int at = out.offset() + r * out.cols();
      float[] kept = new float[k];
      for (int j = 0; j < k; j++) kept[j] = out.data()[at + ids[j]];
      Arrays.fill(out.data(), at, at + out.cols(), Float.NEGATIVE_INFINITY);
      for (int j = 0; j < k; j++) out.data()[at + ids[j]] = kept[j];
    }
    memory.store(out);
  }

  /**
   * The full model's logits, from its only middle's output where that is known.
   *
   * @param headed a model with the full one's embeddings, norm and head
   */
  private Divergence.Teacher said(
      TransformerModel headed, Pass pass, Input input, @Nullable Var middle) {
    Pass plain = pass.on(Tape.evaluating(pass.tape().kernels(), pass.tape().workspace()));
    List<Slot> stack = split.slots();
    Var h =
        middle == null
            ? TransformerModel.stack(plain, stack, headed.embed(plain, input))
            : TransformerModel.stack(
                plain,
                stack.subList(stack.indexOf(split.middle().getLast()) + 1, stack.size()),
                middle);
    return logits(headed, pass, headed.ending(plain, h).value());
  }

  /**
   * Logits by row of what a head reads.
   *
   * @param hidden [N, E], valid as long as the teacher is asked
   */
  static Divergence.Teacher logits(TransformerModel headed, Pass pass, Tensor hidden) {
    Pass plain = pass.on(Tape.evaluating(pass.tape().kernels(), pass.tape().workspace()));
    Tape tape = plain.tape();
    return (rows, out) -> {
      try (Tape.Scope _ = tape.scope()) {
        if (headed.head().kind() != Spec.HeadKind.TOKENS) {
          Tensor all = headed.logits(plain, tape.constant(hidden));
          tape.kernels().gather(HeapWeight.of(all), rows, out, false);
        } else {
          Tensor some = tape.take(rows.length, hidden.cols());
          tape.kernels().gather(HeapWeight.of(hidden), rows, some, false);
          Tensor all = headed.logits(plain, tape.constant(some));
          tape.kernels().copy(MatView.of(all), MatView.of(out), false);
        }
      }
    };
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
      Pass plain = pass.on(evaluating);
      return scope.keep(TransformerModel.stack(plain, teacher, evaluating.constant(h.value())));
    }
  }

  /**
   * Trains a draft's middle by this.
   *
   * @param validation to choose the best step by, or null to keep the last
   * @param run what the run is called, and the step in messages
   */
  Draft train(
      Draft draft,
      Examples text,
      @Nullable Examples validation,
      Measure measure,
      TrainingPlan plan,
      Workshop shop,
      Map<String, String> identity,
      String run)
      throws IOException, StoppedException {
    TransformerModel student = student(draft);
    Trainer.Result result =
        new Trainer(student, this, text, validation, plan, shop.kernels())
            .choosingBy(measure)
            .run(shop.state(), identity, shop.progress().apply(run));
    if (!result.finished()) throw new StoppedException(run, result.steps());
    Set<String> middle = draft.middle().stream().map(Slot::name).collect(Collectors.toSet());
    return draft.with(
        student.frozen().slots().stream().filter(s -> middle.contains(s.name())).toList());
  }

  /** What a resumed run on this draft must share. */
  Map<String, String> identity(Draft draft, String base) {
    Map<String, String> identity = new LinkedHashMap<>();
    identity.put("middle", draft.middle().stream().map(Slot::name).toList().toString());
    identity.put("lm_weight", "" + lmWeight);
    identity.put("kd_weight", "" + kdWeight);
    if (soft.weight() > 0) identity.put("soft_targets", soft.toString());
    identity.put("base", base);
    return identity;
  }
}

package dev.outpost.autograd;

import dev.outpost.tensor.Shape;
import dev.outpost.tensor.Tensor;
import dev.outpost.tensor.kernel.Kernels;
import dev.outpost.tensor.memory.Workspace;
import dev.outpost.tensor.weight.HeapWeight;
import dev.outpost.tensor.weight.MappedWeight;
import dev.outpost.tensor.weight.Weight;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.IdentityHashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * The list of operations of one forward pass, walked backwards for gradients: no recursion, no
 * central switch. An operation none of whose inputs needs a gradient is not recorded, so a frozen
 * bottom costs nothing; a frozen middle passes gradients through and computes none of its own.
 *
 * <p>Memory: values come from the {@link Workspace}. A {@link Scope} gives back what was made
 * inside it and is neither kept nor saved by a recorded operation; the backward walk gives back
 * each gradient and saved value after its last use.
 *
 * <p>Not thread-safe; one tape per step.
 */
public final class Tape {
  private record Step(String op, Var out, List<Tensor> saved, Backward back) {}

  private final Kernels kernels;
  private final Workspace workspace;
  private final boolean recording;
  private final boolean training;
  private final List<Step> steps = new ArrayList<>();
  private final Map<Weight, Var> leaves = new IdentityHashMap<>();
  // Both by the buffer's identity in the workspace.
  private final Map<Object, Integer> saves = new IdentityHashMap<>();
  // A buffer may be lent again after it came back, so its identity alone does not tell whose it is:
  // the tensor that was taken does. IdentityHashMap.remove(key, value) compares both by identity.
  private final Map<Object, Tensor> taken = new IdentityHashMap<>();
  private @Nullable Scope scope;
  private int next;

  private Tape(Kernels kernels, Workspace workspace, boolean recording, boolean training) {
    this.kernels = kernels;
    this.workspace = workspace;
    this.recording = recording;
    this.training = training;
  }

  /** A tape that records what gradients need. */
  public static Tape recording(Kernels kernels, Workspace workspace) {
    return new Tape(kernels, workspace, true, true);
  }

  /**
   * A tape for evaluation and inference: records nothing, so scopes give back every intermediate.
   */
  public static Tape evaluating(Kernels kernels, Workspace workspace) {
    return new Tape(kernels, workspace, false, false);
  }

  /** A training pass that records nothing: the first run of a recomputed part. */
  static Tape forgetting(Kernels kernels, Workspace workspace) {
    return new Tape(kernels, workspace, false, true);
  }

  /** The arithmetic of this pass. */
  public Kernels kernels() {
    return kernels;
  }

  /** The memory of this pass. */
  public Workspace workspace() {
    return workspace;
  }

  /** Whether operations are recorded. */
  public boolean isRecording() {
    return recording;
  }

  /** Whether this pass trains, so that dropout drops. True for some passes that record nothing. */
  public boolean isTraining() {
    return training;
  }

  /** A value that no gradient flows into. */
  public Var constant(Tensor value) {
    return new Var(this, value, null, next++, false);
  }

  /**
   * A value that a gradient flows into without being a weight: the input of a recomputed or
   * distilled stack. Its gradient is returned by {@link #backward(Var, Tensor, Gradients, List)}.
   */
  public Var input(Tensor value) {
    return new Var(this, value, null, next++, recording);
  }

  /**
   * The weight as a value; the same weight gives the same {@code Var}, which is how tied weights
   * add up. Only a {@link HeapWeight} can be trainable.
   */
  public Var leaf(Weight weight, boolean trainable) {
    return leaves.computeIfAbsent(
        weight,
        w -> {
          Tensor value = w instanceof HeapWeight h ? h.tensor() : null;
          if (trainable && w instanceof MappedWeight)
            throw new IllegalArgumentException(
                "leaf: "
                    + w
                    + " is mapped read-only and cannot be trained; load it as a heap weight");
          if (value != null) kernels.memory().enter(value, !trainable);
          return new Var(this, value, w, next++, trainable && recording);
        });
  }

  /**
   * A buffer for an operation's result, given back with the innermost {@link Scope} unless kept or
   * saved.
   */
  public Tensor take(Shape shape) {
    Tensor t = workspace.take(shape);
    taken.put(workspace.identity(t), t);
    if (scope != null) scope.made.add(t);
    return t;
  }

  /** A buffer for an operation's result. */
  public Tensor take(int... dims) {
    return take(Shape.of(dims));
  }

  /** Whether an operation on these inputs must save anything for the way back. */
  public boolean needsGrad(Var... inputs) {
    if (!recording) return false;
    for (Var v : inputs) if (v.needsGrad()) return true;
    return false;
  }

  /**
   * Ends an operation: gives its value a place on the tape, and records it if any input needs a
   * gradient.
   *
   * @param op name for error messages
   * @param saved tensors that {@code back} will read; they stay valid until it has run
   */
  public Var record(String op, Tensor value, List<Tensor> saved, Backward back, Var... inputs) {
    boolean needsGrad = needsGrad(inputs);
    Var out = new Var(this, value, null, next++, needsGrad);
    if (needsGrad) {
      for (Var v : inputs) {
        if (v.needsGrad() && v.tape() != this)
          throw new IllegalArgumentException(
              op + ": " + v + " belongs to another tape; enter it here by leaf or input");
      }
      steps.add(new Step(op, out, saved, back));
      for (Tensor t : saved) saves.merge(workspace.identity(t), 1, Integer::sum);
    }
    return out;
  }

  /**
   * Gives a value back before its scope ends, unless it is saved for the way back. For loops over a
   * long stack.
   */
  public void release(Var v) {
    giveBack(v.value());
  }

  /** Makes a tensor that {@code other} took from the same workspace this tape's to give back. */
  void adopt(Tensor t, Tape other) {
    if (!other.taken.remove(workspace.identity(t), t)) return;
    taken.put(workspace.identity(t), t);
    if (scope != null) scope.made.add(t);
  }

  /** Number of recorded operations. */
  public int recorded() {
    return steps.size();
  }

  /** Opens a scope; close it with try-with-resources. */
  public Scope scope() {
    scope = new Scope(scope);
    return scope;
  }

  /**
   * Walks back from {@code loss} (one element) with gradient 1 and adds every trainable leaf's
   * gradient to {@code gradients}. The tape is spent afterwards; the loss itself stays readable
   * until its scope or step ends.
   */
  public void backward(Var loss, Gradients gradients) {
    if (loss.shape().size() != 1)
      throw new dev.outpost.tensor.ShapeException(
          "backward", "the loss must have one element", loss.shape());
    if (!loss.needsGrad())
      throw new IllegalArgumentException(
          "backward: the loss depends on no trainable weight of this tape;"
              + " enter weights by leaf(weight, true) on a recording tape");
    Tensor one = workspace.take(loss.shape());
    kernels.fill(one, 1);
    backward(loss, one, gradients, List.of());
  }

  /**
   * Walks back from {@code out} with the given gradient.
   *
   * @param dOut gradient of {@code out}; owned by the walk and given back
   * @param inputs values made by {@link #input} whose gradients are wanted
   * @return the gradient of each input, on loan from the workspace; null where none reached it
   */
  public List<@Nullable Tensor> backward(
      Var out, Tensor dOut, Gradients gradients, List<Var> inputs) {
    Walk walk = new Walk(gradients);
    walk.grads.put(out.id(), dOut);
    for (int i = steps.size() - 1; i >= 0; i--) {
      Step s = steps.removeLast();
      Tensor dy = walk.grads.remove(s.out.id());
      if (dy != null) {
        walk.dy = dy;
        s.back.backward(dy, walk);
        if (walk.dy != null) workspace.release(dy);
      }
      for (Tensor t : s.saved) {
        Object buffer = workspace.identity(t);
        boolean last = saves.computeIfPresent(buffer, (b, n) -> n > 1 ? n - 1 : null) == null;
        if (last && taken.remove(buffer) != null) workspace.release(t);
      }
      if (s.out != out) giveBack(s.out.value());
    }
    List<@Nullable Tensor> result = new ArrayList<>();
    for (Var v : inputs) result.add(walk.grads.remove(v.id()));
    for (Tensor unwanted : walk.grads.values()) workspace.release(unwanted);
    return result;
  }

  private void giveBack(Tensor made) {
    Object buffer = workspace.identity(made);
    if (!saves.containsKey(buffer) && taken.remove(buffer, made)) workspace.release(made);
  }

  /** One walk back: activations' gradients live in the workspace, weights' in {@link Gradients}. */
  private final class Walk implements Grads {
    final Map<Integer, Tensor> grads = new HashMap<>();
    final Gradients leafGradients;
    @Nullable Tensor dy;

    Walk(Gradients leafGradients) {
      this.leafGradients = leafGradients;
    }

    @Override
    public Slot of(Var input) {
      if (!input.needsGrad())
        throw new IllegalStateException("backward: " + input + " needs no gradient");
      if (input.isLeaf()) return leafGradients.slot((HeapWeight) input.weight());
      Tensor held = grads.get(input.id());
      if (held != null) return new Slot(held, true);
      Tensor fresh = workspace.take(input.shape());
      grads.put(input.id(), fresh);
      return new Slot(fresh, false);
    }

    @Override
    public void give(Var input, Tensor gradient) {
      if (dy != null && workspace.identity(dy) == workspace.identity(gradient)) dy = null;
      if (!input.isLeaf() && input.needsGrad() && !grads.containsKey(input.id())) {
        grads.put(input.id(), new Tensor(input.shape(), gradient.data(), gradient.offset()));
        return;
      }
      if (input.isLeaf() && leafGradients.adopt((HeapWeight) input.weight(), gradient)) {
        taken.remove(workspace.identity(gradient));
        return;
      }
      Slot slot = of(input);
      kernels.axpby(1, gradient, slot.beta(), slot.tensor());
      workspace.release(gradient);
    }

    @Override
    public Gradients ofWeights() {
      return leafGradients;
    }
  }

  /**
   * What is made between opening and closing is given back at the end, unless kept or saved for the
   * way back.
   */
  public final class Scope implements AutoCloseable {
    private final @Nullable Scope outer;
    private final List<Tensor> made = new ArrayList<>();

    private Scope(@Nullable Scope outer) {
      this.outer = outer;
    }

    /** Hands a value to the surrounding scope. */
    public Var keep(Var v) {
      Object buffer = workspace.identity(v.value());
      for (Tensor t : made) if (workspace.identity(t) == buffer && outer != null) outer.made.add(t);
      made.removeIf(t -> workspace.identity(t) == buffer);
      return v;
    }

    @Override
    public void close() {
      scope = outer;
      for (Tensor t : made) giveBack(t);
    }
  }
}

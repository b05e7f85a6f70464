package dev.outpost.autograd.optim;

import dev.outpost.tensor.Shape;
import dev.outpost.tensor.Tensor;
import dev.outpost.tensor.memory.DeviceMemory;
import dev.outpost.tensor.weight.HeapWeight;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * What an optimizer remembers about each weight: some tensors of its shape, in the memory of the
 * kernels that update them, and a step count.
 */
final class Slots {
  private static final String STEPS = "steps";
  private static final String STEP = "step";

  private final String optimizer;
  private final DeviceMemory memory;
  private final List<String> kinds;
  private final List<Slot> all = new ArrayList<>();
  int steps;

  /** One weight with its memory; {@code memory} is null until the first gradient arrives. */
  static final class Slot {
    final String name;
    final HeapWeight weight;
    final float weightDecay;
    Tensor @Nullable [] memory;
    int step;

    Slot(String name, HeapWeight weight, float weightDecay) {
      this.name = name;
      this.weight = weight;
      this.weightDecay = weightDecay;
    }
  }

  Slots(String optimizer, DeviceMemory memory, List<ParameterGroup> groups, String... kinds) {
    this.optimizer = optimizer;
    this.memory = memory;
    this.kinds = List.of(kinds);
    Map<String, HeapWeight> names = new HashMap<>();
    Map<HeapWeight, String> weights = new HashMap<>();
    for (ParameterGroup g : groups) {
      for (ParameterGroup.Named w : g.weights()) {
        if (names.put(w.name(), w.weight()) != null)
          throw bad("weight name " + w.name() + " occurs twice; its state could not be told apart");
        String other = weights.put(w.weight(), w.name());
        if (other != null)
          throw bad(
              w.name()
                  + " and "
                  + other
                  + " are one weight, which would be updated twice; name it once");
        all.add(new Slot(w.name(), w.weight(), g.weightDecay()));
      }
    }
  }

  List<Slot> all() {
    return all;
  }

  /** The weight's memory, zeros at first. */
  Tensor[] memory(Slot s) {
    if (s.memory == null) {
      s.memory = new Tensor[kinds.size()];
      for (int i = 0; i < kinds.size(); i++) s.memory[i] = adopted(Tensor.zeros(s.weight.shape()));
    }
    return s.memory;
  }

  Map<String, Tensor> state() {
    Map<String, Tensor> state = new LinkedHashMap<>();
    state.put(STEPS, count(steps));
    for (Slot s : all) {
      if (s.memory == null) continue;
      state.put(s.name + "." + STEP, count(s.step));
      for (int i = 0; i < kinds.size(); i++) {
        memory.fetch(s.memory[i]);
        state.put(
            s.name + "." + kinds.get(i), Tensor.of(s.memory[i].shape(), s.memory[i].toArray()));
      }
    }
    return state;
  }

  void restore(Map<String, Tensor> state) {
    Map<String, Tensor> rest = new LinkedHashMap<>(state);
    int restoredSteps = count(STEPS, rest.remove(STEPS));
    List<Tensor @Nullable []> memories = new ArrayList<>();
    List<Integer> counts = new ArrayList<>();
    for (Slot s : all) {
      Tensor step = rest.remove(s.name + "." + STEP);
      Tensor[] memory = step == null ? null : new Tensor[kinds.size()];
      for (int i = 0; memory != null && i < memory.length; i++)
        memory[i] = copy(s, kinds.get(i), rest.remove(s.name + "." + kinds.get(i)));
      memories.add(memory);
      counts.add(step == null ? 0 : count(s.name + "." + STEP, step));
    }
    if (!rest.isEmpty())
      throw bad(
          "state "
              + rest.keySet()
              + " belongs to no weight here or lacks its step; restore with the"
              + " weights and the kind of optimizer it was saved from");
    steps = restoredSteps;
    for (int i = 0; i < all.size(); i++) {
      Tensor @Nullable [] restored = memories.get(i);
      if (restored != null) for (Tensor t : restored) memory.adopt(t.data());
      all.get(i).memory = restored;
      all.get(i).step = counts.get(i);
    }
  }

  private Tensor adopted(Tensor t) {
    memory.adopt(t.data());
    return t;
  }

  private Tensor copy(Slot s, String kind, @Nullable Tensor from) {
    if (from == null) throw bad("state " + s.name + "." + kind + " is missing");
    Shape shape = s.weight.shape();
    if (!from.shape().equals(shape))
      throw bad("state " + s.name + "." + kind + " must be " + shape + ", got " + from.shape());
    return Tensor.of(shape, from.toArray());
  }

  // Two halves: one float would stop counting at 2^24.
  private static Tensor count(int n) {
    return Tensor.of(Shape.of(2), n >>> 16, n & 0xFFFF);
  }

  private int count(String name, @Nullable Tensor t) {
    if (t == null || t.size() != 2)
      throw bad("state " + name + " must be there and have 2 elements");
    return (int) t.get(0) << 16 | (int) t.get(1);
  }

  private IllegalArgumentException bad(String what) {
    return new IllegalArgumentException(optimizer + ": " + what);
  }
}

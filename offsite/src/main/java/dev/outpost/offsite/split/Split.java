package dev.outpost.offsite.split;

import dev.outpost.transformer.Slot;
import dev.outpost.transformer.Spec;
import dev.outpost.transformer.TransformerModel;
import dev.outpost.transformer.layer.Head;
import java.util.ArrayList;
import java.util.Collections;
import java.util.Comparator;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Set;
import java.util.TreeMap;

/**
 * The cut of a stack into adapter and remainder (Xiao et al. 2023): what the data owner tunes, and
 * what the owner keeps and compresses. Embeddings, final norm and head belong to neither: they are
 * shipped as they are and stay frozen, but for a classifier's matrix ({@link #tunable}).
 *
 * @param slots the full stack
 * @param adapterSlots names of the slots to tune, in the stack's order
 */
public record Split(List<Slot> slots, Set<String> adapterSlots) {
  public Split {
    slots = List.copyOf(slots);
    Set<String> ordered = new LinkedHashSet<>();
    for (Slot s : slots) if (adapterSlots.contains(s.name())) ordered.add(s.name());
    if (ordered.size() < adapterSlots.size())
      throw new IllegalArgumentException(
          "split: the model has no slots " + missing(adapterSlots, ordered));
    if (ordered.isEmpty())
      throw new IllegalArgumentException("split: needs at least one adapter block");
    adapterSlots = Collections.unmodifiableSet(ordered);
  }

  private static Set<String> missing(Set<String> wanted, Set<String> there) {
    Set<String> left = new LinkedHashSet<>(wanted);
    left.removeAll(there);
    return left;
  }

  /** The paper's sandwich: the first {@code bottom} and the last {@code top} blocks are adapter. */
  public static Split sandwich(TransformerModel model, int bottom, int top) {
    int n = model.slots().size();
    if (bottom < 0 || top < 0 || bottom + top < 1)
      throw new IllegalArgumentException(
          "split: needs at least one adapter block, got bottom " + bottom + ", top " + top);
    if (bottom + top >= n)
      throw new IllegalArgumentException(
          "split: "
              + bottom
              + " bottom and "
              + top
              + " top blocks leave no middle in a model of "
              + n
              + " blocks; choose fewer");
    Set<String> adapter = new LinkedHashSet<>();
    for (int i = 0; i < n; i++)
      if (i < bottom || i >= n - top) adapter.add(model.slots().get(i).name());
    return new Split(model.slots(), adapter);
  }

  /**
   * Any set of blocks as the adapter, by their index in the full model; all of them, for tuning the
   * whole model with no emulator.
   */
  public static Split blocks(TransformerModel model, Set<Integer> indices) {
    Set<String> adapter = new LinkedHashSet<>();
    indices.forEach(i -> adapter.add("blocks." + i));
    return new Split(model.slots(), adapter);
  }

  /**
   * What the data owner may tune of a model cut so: the adapter's slots, and of a classifier its
   * matrix.
   */
  public Set<String> tunable(Spec spec) {
    Set<String> all = new LinkedHashSet<>(adapterSlots);
    all.addAll(Head.slots(spec));
    return all;
  }

  /** What the owner keeps: every slot that is no adapter, in order. */
  public List<Slot> middle() {
    return slots.stream().filter(s -> !adapterSlots.contains(s.name())).toList();
  }

  /** The stack with another middle; each slot stands where its name says. */
  public List<Slot> around(List<Slot> otherMiddle) {
    List<Slot> all = new ArrayList<>(otherMiddle);
    for (Slot s : slots) if (adapterSlots.contains(s.name())) all.add(s);
    all.sort(Comparator.comparingInt(Split::index));
    return all;
  }

  /**
   * The runs of a middle between adapter blocks: one for a sandwich. Keyed by how many adapter
   * blocks stand before the run.
   */
  public TreeMap<Integer, List<Slot>> segments(List<Slot> middle) {
    TreeMap<Integer, List<Slot>> runs = new TreeMap<>();
    for (Slot s : middle) runs.computeIfAbsent(adaptersBefore(s), n -> new ArrayList<>()).add(s);
    return runs;
  }

  /** How many adapter blocks stand before a slot. */
  public int adaptersBefore(Slot slot) {
    int at = index(slot);
    int n = 0;
    for (Slot s : slots) if (adapterSlots.contains(s.name()) && index(s) < at) n++;
    return n;
  }

  /** N of {@code blocks.N}: where the block stood in the model it was loaded from. */
  public static int index(Slot slot) {
    return Integer.parseInt(slot.name().substring(slot.name().lastIndexOf('.') + 1));
  }

  /**
   * Whether a parameter belongs to one of these slots ({@code blocks.1.mlp.up.weight} to {@code
   * blocks.1}).
   */
  public static boolean owns(Set<String> slots, String parameter) {
    int end = parameter.indexOf('.', parameter.indexOf('.') + 1);
    return end > 0 && slots.contains(parameter.substring(0, end));
  }
}

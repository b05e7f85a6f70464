package dev.outpost.offsite.split;

import dev.outpost.transformer.Slot;
import dev.outpost.transformer.TransformerModel;
import java.util.ArrayList;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Set;

/**
 * The split of a stack into adapter and remainder (Xiao et al. 2023): the first {@code bottom} and
 * the last {@code top} blocks are the adapter, what lies between is what the owner keeps and
 * compresses.
 *
 * @param bottom blocks of the bottom adapter
 * @param middle blocks the owner keeps
 * @param top blocks of the top adapter
 */
public record Sandwich(List<Slot> bottom, List<Slot> middle, List<Slot> top) {
  public Sandwich {
    bottom = List.copyOf(bottom);
    middle = List.copyOf(middle);
    top = List.copyOf(top);
  }

  /** Splits a model; at least one adapter block and one middle block must remain. */
  public static Sandwich of(TransformerModel model, int bottom, int top) {
    List<Slot> all = model.slots();
    int n = all.size();
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
    return new Sandwich(
        all.subList(0, bottom), all.subList(bottom, n - top), all.subList(n - top, n));
  }

  /** Names of the adapter's slots. */
  public Set<String> adapterSlots() {
    Set<String> names = new LinkedHashSet<>();
    bottom.forEach(s -> names.add(s.name()));
    top.forEach(s -> names.add(s.name()));
    return names;
  }

  /** The stack with another middle. */
  public List<Slot> around(List<Slot> otherMiddle) {
    List<Slot> all = new ArrayList<>(bottom);
    all.addAll(otherMiddle);
    all.addAll(top);
    return all;
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

package dev.outpost.offsite.split;

import dev.outpost.transformer.TransformerModel;
import java.util.Arrays;
import java.util.Collections;
import java.util.Set;
import java.util.TreeSet;
import java.util.stream.Collectors;

/**
 * Which blocks will be the adapter, said without a model: so many at the bottom and at the top, or
 * single ones.
 *
 * @param bottom first blocks
 * @param top last blocks
 * @param blocks indices; not empty only where bottom and top are 0
 */
public record SplitPlan(int bottom, int top, Set<Integer> blocks) {
  public SplitPlan {
    blocks = Collections.unmodifiableSet(new TreeSet<>(blocks));
    boolean ends = bottom > 0 || top > 0;
    if (bottom < 0 || top < 0 || ends != blocks.isEmpty())
      throw new IllegalArgumentException(
          "split: needs at least one adapter block, got bottom " + bottom + ", top " + top);
  }

  /** The paper's sandwich; one of the two may be 0. */
  public static SplitPlan sandwich(int bottom, int top) {
    return new SplitPlan(bottom, top, Set.of());
  }

  /** Reads {@code 2-2} (bottom and top) or {@code 0,1,10,11} (block indices). */
  public static SplitPlan parse(String text) {
    try {
      if (text.matches("[0-9]+(,[0-9]+)*"))
        return new SplitPlan(
            0,
            0,
            Arrays.stream(text.split(",")).map(Integer::parseInt).collect(Collectors.toSet()));
      String[] ends = text.split("-", -1);
      if (ends.length == 2) return sandwich(Integer.parseInt(ends[0]), Integer.parseInt(ends[1]));
    } catch (NumberFormatException e) {
      // told below
    }
    throw new IllegalArgumentException(
        "split: must read BOTTOM-TOP, such as 2-2; BOTTOM-EMULATOR-TOP, such as 2-8-2; or the adapter's blocks, such as 0,1,10,11; got \""
            + text
            + "\"");
  }

  /** The cut of a model. */
  public Split of(TransformerModel model) {
    return blocks.isEmpty() ? Split.sandwich(model, bottom, top) : Split.blocks(model, blocks);
  }

  /** As {@link #parse} reads it. */
  @Override
  public String toString() {
    return blocks.isEmpty()
        ? bottom + "-" + top
        : blocks.stream().map(String::valueOf).collect(Collectors.joining(","));
  }
}

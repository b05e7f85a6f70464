package dev.outpost.offsite.emulator;

import dev.outpost.offsite.artifact.LayerRanking;
import dev.outpost.offsite.split.SplitPlan;
import dev.outpost.tensor.io.JsonObject;
import java.io.IOException;
import java.nio.file.Path;
import java.util.Comparator;
import java.util.Set;
import java.util.TreeSet;
import java.util.stream.Collectors;
import java.util.stream.IntStream;

/**
 * ScaleOT's triplet (N_a, α, β) (Yao et al. 2024): so many adapter blocks; of the others the least
 * important share is replaced by harmonizers; what is left has its attention matrices compressed.
 * One ranking serves every triplet.
 *
 * @param adapters N_a
 * @param alpha share of the other blocks to replace
 * @param beta as step {@code rank-compress} takes it, for the attention matrices only
 * @param ranking folder of a {@link LayerRanking}
 * @param where which blocks are the adapter
 */
public record ScaleOt(int adapters, double alpha, double beta, Path ranking, Where where) {
  /** Which blocks are the adapter. */
  public enum Where {
    /** Those at the ends, as in offsite-tuning; of an odd number one more at the bottom. */
    ENDS,
    /** Those of the highest scores. */
    TOP
  }

  public ScaleOt {
    if (adapters < 1)
      throw new IllegalArgumentException(
          "scaleot: the number of adapter blocks must be at least 1, got " + adapters);
    if (!(alpha >= 0 && alpha <= 1))
      throw new IllegalArgumentException("scaleot: alpha must be from 0 to 1, got " + alpha);
    if (!(beta > 0 && beta < 1))
      throw new IllegalArgumentException("scaleot: beta must be between 0 and 1, got " + beta);
  }

  /** Reads {@code 4,0.25,0.8}. */
  public static ScaleOt parse(String triplet, Path ranking, Where where) {
    String[] parts = triplet.split(",", -1);
    if (parts.length == 3) {
      try {
        return new ScaleOt(
            Integer.parseInt(parts[0].strip()),
            Double.parseDouble(parts[1].strip()),
            Double.parseDouble(parts[2].strip()),
            ranking,
            where);
      } catch (NumberFormatException e) {
        // told below
      }
    }
    throw new IllegalArgumentException(
        "scaleot: must read ADAPTERS,ALPHA,BETA, such as 4,0.25,0.8; got \"" + triplet + "\"");
  }

  /**
   * The split and steps it stands for.
   *
   * @throws IllegalArgumentException where there is no step {@code rank-compress}
   */
  public EmulatorRecipe recipe() throws IOException {
    return new EmulatorRecipe(split(), java.util.List.of())
        .then(LayerReplace.of(ranking, alpha))
        .then(
            EmulatorSteps.read(
                StepSettings.of(
                    JsonObject.create().put("step", "rank-compress").put("beta", beta))));
  }

  private SplitPlan split() throws IOException {
    if (where == Where.ENDS) return SplitPlan.sandwich((adapters + 1) / 2, adapters / 2);
    LayerRanking learned = LayerRanking.read(ranking);
    Set<Integer> best =
        IntStream.range(0, learned.scores().size())
            .boxed()
            .sorted(Comparator.comparingDouble((Integer i) -> -learned.scores().get(i)))
            .limit(adapters)
            .collect(Collectors.toCollection(TreeSet::new));
    return new SplitPlan(0, 0, best);
  }
}

package dev.outpost.offsite.emulator;

import dev.outpost.offsite.split.Split;
import dev.outpost.offsite.split.SplitPlan;
import dev.outpost.tensor.kernel.Kernels;
import dev.outpost.transformer.TransformerModel;
import dev.outpost.transformer.train.Examples;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.TreeSet;

/**
 * CRaSh's own cut (Zhang et al. 2023): all blocks of a model are clustered, one of each cluster
 * stays, and of those some, spread over the depth, are the adapter.
 *
 * @param clusters of the whole model, the adapter's included
 * @param adapters blocks of the adapter
 */
public record CrashCut(int clusters, int adapters) {
  private static final String NAME = "crash:";

  public CrashCut {
    if (adapters < 1 || adapters >= clusters)
      throw new IllegalArgumentException(
          "split: crash needs 1 or more adapter blocks and more clusters than those, got "
              + clusters
              + " clusters and "
              + adapters);
  }

  /**
   * Reads {@code crash:12,4}: 12 clusters, 4 adapter blocks. Empty where a split is said otherwise.
   */
  public static Optional<CrashCut> parse(String split) {
    if (!split.startsWith(NAME)) return Optional.empty();
    String[] parts = split.substring(NAME.length()).split(",", -1);
    try {
      if (parts.length == 2)
        return Optional.of(
            new CrashCut(Integer.parseInt(parts[0].strip()), Integer.parseInt(parts[1].strip())));
    } catch (NumberFormatException e) {
      // told below
    }
    throw new IllegalArgumentException(
        "split: must read crash:CLUSTERS,ADAPTERS, such as crash:12,4; got \"" + split + "\"");
  }

  /**
   * The split and the step that this text asks for on this model: said by indices, so that whoever
   * repeats it needs no text.
   *
   * @throws IllegalArgumentException where the model has fewer blocks than clusters
   */
  public EmulatorRecipe recipe(TransformerModel model, Examples text, Kernels kernels) {
    int n = model.slots().size();
    if (clusters > n)
      throw new IllegalArgumentException(
          "split: crash cannot make " + clusters + " clusters of " + n + " blocks");
    Crash paper = Crash.paper(clusters);
    List<Integer> stay = new ArrayList<>();
    for (List<Integer> c : Crash.cluster(paper.alike(model, text, kernels), clusters))
      stay.add(Split.index(model.slots().get(c.get(paper.stays().of(c.size())))));
    Set<Integer> adapter = new TreeSet<>();
    for (int i : LayerDrop.indices(stay.size(), adapters)) adapter.add(stay.get(i));
    Set<Integer> middle = new TreeSet<>(stay);
    middle.removeAll(adapter);
    return new EmulatorRecipe(new SplitPlan(0, 0, adapter), List.of(Crash.paper(middle)));
  }
}

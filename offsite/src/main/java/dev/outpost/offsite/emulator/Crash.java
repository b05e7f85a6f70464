package dev.outpost.offsite.emulator;

import dev.outpost.offsite.report.HiddenStates;
import dev.outpost.offsite.report.LinearCka;
import dev.outpost.offsite.report.Pooling;
import dev.outpost.offsite.split.Split;
import dev.outpost.tensor.io.JsonObject;
import dev.outpost.tensor.kernel.Kernels;
import dev.outpost.transformer.Slot;
import dev.outpost.transformer.TransformerModel;
import dev.outpost.transformer.train.Examples;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Locale;
import java.util.Set;
import java.util.TreeSet;

/**
 * Cluster, remove and share (CRaSh, Zhang et al. 2023): neighbours whose outputs are alike on
 * public text are put together, one block of each cluster stays, and, shared, it also stands where
 * the others were, so that the depth remains. No training.
 *
 * @param clusters how many clusters the middle ends in; one never reaches across adapter blocks
 * @param blocks instead: indices of the blocks that stay, as {@link CrashCut} proposes; else empty
 * @param stays which block of a cluster stays
 * @param share whether the removed blocks' places are filled with the nearest block that stays
 * @param adapterLends whether that may be an adapter block, a frozen copy of it
 * @param pooling what stands for a sequence
 * @param samples sequences of text to look at
 */
public record Crash(
    int clusters,
    Set<Integer> blocks,
    Representative stays,
    boolean share,
    boolean adapterLends,
    Pooling pooling,
    int samples)
    implements EmulatorStep {
  static final String NAME = "crash";
  private static final int PAPER_SAMPLES = 512;
  private static final int BATCH = 8;

  /** Which block of a cluster stays. */
  public enum Representative {
    FIRST,
    /** Position ⌊size/2⌋, as the released code. */
    CENTRE,
    LAST;

    int of(int size) {
      return switch (this) {
        case FIRST -> 0;
        case CENTRE -> size / 2;
        case LAST -> size - 1;
      };
    }
  }

  public Crash {
    blocks = Collections.unmodifiableSet(new TreeSet<>(blocks));
    if ((clusters < 1) == blocks.isEmpty())
      throw new IllegalArgumentException(
          "step crash: needs either clusters, at least 1, or blocks; got "
              + clusters
              + " and "
              + blocks);
    if (samples < 2)
      throw new IllegalArgumentException("step crash: samples must be at least 2, got " + samples);
  }

  /** As the paper, in this many clusters. */
  public static Crash paper(int clusters) {
    return paper(clusters, Set.of());
  }

  /** As the paper, with blocks that were chosen before. */
  public static Crash paper(Set<Integer> blocks) {
    return paper(0, blocks);
  }

  private static Crash paper(int clusters, Set<Integer> blocks) {
    return new Crash(
        clusters, blocks, Representative.CENTRE, true, true, Pooling.MEAN_WEIGHTED, PAPER_SAMPLES);
  }

  static Crash read(StepSettings s) {
    return new Crash(
        s.integer("clusters", 1, 1 << 20, 0),
        Set.copyOf(s.integers("blocks", 0)),
        Representative.valueOf(
            s.choice("stays", "centre", "first", "centre", "last").toUpperCase(Locale.ROOT)),
        s.flag("share", true),
        s.choice("lenders", "all", "all", "middle").equals("all"),
        Pooling.of(s.choice("pooling", Pooling.MEAN_WEIGHTED.word(), Pooling.words())),
        s.integer("samples", 2, 1 << 20, PAPER_SAMPLES));
  }

  @Override
  public String name() {
    return NAME;
  }

  @Override
  public boolean needsText() {
    return blocks.isEmpty();
  }

  @Override
  public Draft apply(Draft draft, Workshop shop) {
    List<Slot> stay =
        blocks.isEmpty() ? chosen(draft, shop) : new LayerKeep(blocks).apply(draft, shop).middle();
    return draft.with(share ? filled(draft, stay) : stay);
  }

  /** One block of each cluster. */
  private List<Slot> chosen(Draft draft, Workshop shop) {
    List<Slot> middle = draft.middle();
    Split split = draft.split();
    int runs = split.segments(middle).size();
    if (clusters < runs || clusters > middle.size())
      throw new IllegalArgumentException(
          "step crash: clusters must be from "
              + runs
              + ", the runs between adapter blocks, to "
              + middle.size()
              + ", the blocks of the middle; got "
              + clusters);
    double[] alike = alike(draft.model(), shop.text(this), shop.kernels());
    List<Slot> stack = draft.model().slots();
    double[] links = new double[middle.size() - 1];
    for (int i = 0; i < links.length; i++)
      links[i] =
          split.adaptersBefore(middle.get(i)) == split.adaptersBefore(middle.get(i + 1))
              ? alike[stack.indexOf(middle.get(i))]
              : Double.NEGATIVE_INFINITY;
    List<Slot> stay = new ArrayList<>();
    for (List<Integer> cluster : cluster(links, clusters))
      stay.add(middle.get(cluster.get(stays.of(cluster.size()))));
    return stay;
  }

  /** CKA of each block of a model with the next one. */
  double[] alike(TransformerModel model, Examples text, Kernels kernels) {
    LinearCka cka = LinearCka.adjacent(kernels, model.slots().size());
    HiddenStates.of(model, kernels, text, samples, BATCH, pooling, cka::add);
    double[] values = cka.values();
    for (int i = 0; i < values.length; i++)
      if (Double.isNaN(values[i]))
        throw new IllegalArgumentException(
            "step crash: the states behind "
                + model.slots().get(i).name()
                + " or the block after it are the same for every text; give more text, or check the model");
    return values;
  }

  /**
   * Merges neighbours until {@code clusters} are left, each time the two whose link is the
   * strongest, the first of equals.
   *
   * @param links of block i with block i + 1
   */
  static List<List<Integer>> cluster(double[] links, int clusters) {
    List<List<Integer>> all = new ArrayList<>();
    for (int i = 0; i <= links.length; i++) all.add(new ArrayList<>(List.of(i)));
    while (all.size() > clusters) {
      int best = 0;
      for (int i = 1; i + 1 < all.size(); i++)
        if (links[all.get(i).getLast()] > links[all.get(best).getLast()]) best = i;
      all.get(best).addAll(all.remove(best + 1));
    }
    return all;
  }

  /** The whole middle, each place with the nearest block that stays; the upper of two as near. */
  private List<Slot> filled(Draft draft, List<Slot> stay) {
    List<Slot> lenders = new ArrayList<>(stay);
    if (adapterLends)
      for (Slot s : draft.split().slots())
        if (draft.split().adapterSlots().contains(s.name())) lenders.add(s);
    List<Slot> filled = new ArrayList<>();
    for (Slot hole : draft.middle()) {
      int at = Split.index(hole);
      Slot nearest = lenders.getFirst();
      for (Slot s : lenders) {
        int distance = Math.abs(Split.index(s) - at);
        int least = Math.abs(Split.index(nearest) - at);
        if (distance < least || (distance == least && Split.index(s) > Split.index(nearest)))
          nearest = s;
      }
      filled.add(hole.with(nearest.block()));
    }
    return filled;
  }

  @Override
  public JsonObject describe() {
    JsonObject json = JsonObject.create().put("step", NAME);
    if (clusters > 0) json.put("clusters", clusters);
    else json.put("blocks", List.copyOf(blocks));
    return json.put("stays", stays.name().toLowerCase(Locale.ROOT))
        .put("share", share)
        .put("lenders", adapterLends ? "all" : "middle")
        .put("pooling", pooling.word())
        .put("samples", samples);
  }
}

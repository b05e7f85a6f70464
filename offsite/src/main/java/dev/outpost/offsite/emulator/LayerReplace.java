package dev.outpost.offsite.emulator;

import dev.outpost.offsite.artifact.LayerRanking;
import dev.outpost.offsite.split.Split;
import dev.outpost.tensor.io.JsonObject;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.TreeMap;
import java.util.stream.IntStream;
import org.jspecify.annotations.Nullable;

/**
 * Replaces the least important share of the middle by the harmonizers that a ranking trained
 * (ScaleOT, Yao et al. 2024). The order of the blocks stays.
 *
 * @param ranking folder of a {@link LayerRanking}
 * @param alpha share of the middle's blocks to replace, rounded to whole blocks
 * @param per where blocks are compared
 * @param training whether the harmonizers learn further in their new place
 * @param sha256 digest of the one ranking that will do, or null for whichever lies there
 */
public record LayerReplace(
    Path ranking, double alpha, Per per, HarmonizerTraining training, @Nullable String sha256)
    implements EmulatorStep {
  static final String NAME = "layer-replace";

  /** The share that ScaleOT is reported to use. */
  public static final double PAPER_ALPHA = 0.25;

  /** Where blocks are compared. */
  public enum Per {
    /** In each of the ranking's groups its share: scores are made to compare within groups. */
    GROUP,
    /** In the whole middle at once. */
    MODEL
  }

  public LayerReplace {
    if (!(alpha >= 0 && alpha <= 1))
      throw new IllegalArgumentException(
          "step layer-replace: alpha must be from 0 to 1, got " + alpha);
  }

  /** With what the ranking's run left, group by group. */
  public static LayerReplace of(Path ranking, double alpha) {
    return new LayerReplace(
        ranking,
        alpha,
        Per.GROUP,
        new HarmonizerTraining(HarmonizerTraining.Loss.NONE, StepTraining.OPEN),
        null);
  }

  static LayerReplace read(StepSettings s) {
    Path folder =
        Path.of(
            s.text("ranking")
                .orElseThrow(() ->
                    s.wrong("ranking", "is missing; give the folder that outpost rank wrote")));
    return new LayerReplace(
        folder,
        s.number("alpha", 0, 1, PAPER_ALPHA),
        s.choice("per", "group", "group", "model").equals("group") ? Per.GROUP : Per.MODEL,
        HarmonizerTraining.read(s, HarmonizerTraining.Loss.NONE),
        s.text("ranking-sha256").orElse(null));
  }

  @Override
  public String name() {
    return NAME;
  }

  @Override
  public boolean needsText() {
    return training.needsText();
  }

  @Override
  public Draft apply(Draft draft, Workshop shop) throws IOException, StoppedException {
    LayerRanking learned = LayerRanking.read(ranking);
    if (sha256 != null && !sha256.equals(LayerRanking.sha256(ranking)))
      throw new IllegalArgumentException(
          "step layer-replace: "
              + ranking
              + " holds another ranking than ranking-sha256 says ("
              + sha256
              + "); give the folder of that one, or leave ranking-sha256 out");
    learned.requireBase(draft.full());
    List<Integer> middle = draft.middle().stream().map(Split::index).toList();
    TreeMap<Integer, Harmonizer> stand = new TreeMap<>();
    for (int i : chosen(learned, middle)) stand.put(i, learned.harmonizers().get(i));
    return training.place(this, draft, stand, shop);
  }

  /** Which of these blocks are replaced, ascending. */
  List<Integer> chosen(LayerRanking learned, List<Integer> middle) {
    int count = (int) Math.round(alpha * middle.size());
    List<Integer> chosen = new ArrayList<>();
    switch (per) {
      case MODEL -> chosen.addAll(least(learned, middle).subList(0, count));
      case GROUP -> {
        List<List<Integer>> groups =
            LayerScores.groups(learned.scores().size(), learned.group()).stream()
                .map(g -> middle.stream().filter(i -> i >= g.from() && i < g.to()).toList())
                .toList();
        int[] quota = quotas(groups, count);
        for (int g = 0; g < quota.length; g++)
          chosen.addAll(least(learned, groups.get(g)).subList(0, quota[g]));
      }
    }
    return chosen.stream().sorted().toList();
  }

  /**
   * Each group's whole share, then one more for those that lost most by rounding, the first first.
   */
  private int[] quotas(List<List<Integer>> groups, int count) {
    int[] quota = groups.stream().mapToInt(g -> (int) (alpha * g.size())).toArray();
    List<Integer> order =
        IntStream.range(0, quota.length)
            .boxed()
            .sorted(
                Comparator.comparingDouble((Integer g) -> quota[g] - alpha * groups.get(g).size()))
            .toList();
    int left = count - IntStream.of(quota).sum();
    for (int g : order) {
      if (left > 0 && quota[g] < groups.get(g).size()) {
        quota[g]++;
        left--;
      }
    }
    return quota;
  }

  /** Least important first; of equal scores the first block. */
  private static List<Integer> least(LayerRanking learned, List<Integer> blocks) {
    return blocks.stream()
        .sorted(Comparator.comparingDouble((Integer i) -> learned.scores().get(i)))
        .toList();
  }

  @Override
  public EmulatorStep pinned() throws IOException {
    return new LayerReplace(ranking, alpha, per, training, LayerRanking.sha256(ranking));
  }

  @Override
  public JsonObject describe() {
    JsonObject json =
        JsonObject.create()
            .put("step", NAME)
            // A manifest leaves the house: of the owner's folders it tells the last name.
            .put("ranking", String.valueOf(ranking.getFileName()));
    if (sha256 != null) json.put("ranking-sha256", sha256);
    return training.describe(
        json.put("alpha", alpha).put("per", per == Per.GROUP ? "group" : "model"));
  }
}

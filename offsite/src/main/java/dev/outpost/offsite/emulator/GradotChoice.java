package dev.outpost.offsite.emulator;

import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;

/**
 * What stays of that which could go: the share whose removal has the largest GCS (GradOT, Yao et
 * al. 2025).
 *
 * @param lambda weight of the pull
 * @param units of the two terms
 * @param budget whether groups are chosen among together, or each for itself
 */
record GradotChoice(double lambda, Gradot.Units units, Gradot.Budget budget) {
  /**
   * Something that can go.
   *
   * @param of its group
   * @param index in the group
   * @param curvature ‖H·δ‖₁: what its removal does to gradients
   * @param pull −⟨∂l/∂W, δ⟩: how much its removal lowers the loss
   */
  record Candidate(int of, int index, double curvature, double pull) {}

  /**
   * Which stay, group by group: {@code share} of them.
   *
   * @param kept how many of each group's first stay whatever their score
   */
  List<boolean[]> stay(List<List<Candidate>> groups, double share, int[] kept) {
    if (budget == Gradot.Budget.MIDDLE) return together(groups, share, kept);
    List<boolean[]> stay = new ArrayList<>();
    for (int g = 0; g < groups.size(); g++) {
      List<Candidate> own = new ArrayList<>();
      for (Candidate c : groups.get(g)) own.add(new Candidate(0, c.index, c.curvature, c.pull));
      stay.addAll(together(List.of(own), share, new int[] {kept[g]}));
    }
    return stay;
  }

  private List<boolean[]> together(List<List<Candidate>> groups, double share, int[] kept) {
    double curvature = 1;
    double pull = 1;
    List<Candidate> all = groups.stream().flatMap(List::stream).toList();
    if (units == Gradot.Units.RELATIVE) {
      curvature = mean(all.stream().mapToDouble(Candidate::curvature).toArray());
      pull = mean(all.stream().mapToDouble(c -> Math.abs(c.pull)).toArray());
    }
    double c = curvature;
    double p = pull;
    List<boolean[]> stay = new ArrayList<>();
    int left = Math.max(1, (int) Math.round(share * all.size()));
    for (int g = 0; g < groups.size(); g++) {
      boolean[] mine = new boolean[groups.get(g).size()];
      for (int i = 0; i < Math.min(kept[g], mine.length); i++) {
        mine[i] = true;
        left--;
      }
      stay.add(mine);
    }
    // Ties go to what came first, so that the order is the same everywhere.
    List<Candidate> falling = new ArrayList<>(all);
    falling.sort(
        Comparator.comparingDouble((Candidate x) -> -(x.curvature / c + lambda * x.pull / p)));
    for (Candidate x : falling) {
      if (left <= 0) break;
      if (stay.get(x.of)[x.index]) continue;
      stay.get(x.of)[x.index] = true;
      left--;
    }
    return stay;
  }

  private static double mean(double[] values) {
    double sum = 0;
    for (double v : values) sum += v;
    return sum > 0 ? sum / values.length : 1;
  }
}

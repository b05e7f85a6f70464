package dev.outpost.offsite.emulator;

import dev.outpost.offsite.artifact.LayerRanking;
import dev.outpost.tensor.io.FormatException;
import dev.outpost.tensor.io.JsonObject;
import java.util.ArrayList;
import java.util.List;

/**
 * The points of a ranking's curves so far, and what has come since the last of them.
 *
 * @param train sum of training losses
 * @param trials sum of the trials' mean losses
 * @param steps how many are summed
 */
record RankingHistory(List<LayerRanking.Point> points, double train, double trials, int steps) {
  static RankingHistory empty() {
    return new RankingHistory(List.of(), 0, 0, 0);
  }

  RankingHistory plus(double trainLoss, double trialLoss) {
    return new RankingHistory(points, train + trainLoss, trials + trialLoss, steps + 1);
  }

  /** Ends the sums in a point. */
  RankingHistory point(int step, List<Double> scores, double validationLoss) {
    List<LayerRanking.Point> more = new ArrayList<>(points);
    more.add(new LayerRanking.Point(step, train / steps, trials / steps, validationLoss, scores));
    return new RankingHistory(more, 0, 0, 0);
  }

  JsonObject write(JsonObject to) {
    return to.put("history", points.stream().map(LayerRanking.Point::toJson).toList())
        .put("since", List.of(train, trials, steps));
  }

  static RankingHistory read(JsonObject from) throws FormatException {
    List<LayerRanking.Point> points = new ArrayList<>();
    for (JsonObject p : from.objects("history")) points.add(LayerRanking.Point.read(p));
    List<Double> since = from.numbers("since");
    if (since.size() != 3) throw from.wrong("since", "must be 3 numbers, got " + since);
    return new RankingHistory(points, since.get(0), since.get(1), since.get(2).intValue());
  }
}

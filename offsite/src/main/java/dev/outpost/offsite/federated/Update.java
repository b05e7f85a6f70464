package dev.outpost.offsite.federated;

import org.jspecify.annotations.Nullable;

/**
 * What one party returns from a round.
 *
 * @param client who
 * @param round of which round
 * @param samples training examples it has, its weight in the mean
 * @param loraScale factor on the products of its LoRA pairs, alpha / rank; 1 where it has none
 * @param values the adapter as tuned there
 * @param control by how much its control variate changed; null without SCAFFOLD
 * @param lossBefore nats per token on what it holds back, before tuning; NaN where it is not told
 * @param lossAfter the same after tuning
 */
public record Update(
    String client,
    int round,
    long samples,
    float loraScale,
    AdapterValues values,
    @Nullable AdapterValues control,
    double lossBefore,
    double lossAfter) {
  /** Without control variate and losses. */
  public Update(String client, int round, long samples, float loraScale, AdapterValues values) {
    this(client, round, samples, loraScale, values, null, Double.NaN, Double.NaN);
  }

  /** The same with other values. */
  Update with(AdapterValues other, float scale) {
    return new Update(client, round, samples, scale, other, control, lossBefore, lossAfter);
  }
}

package dev.outpost.offsite.federated;

/**
 * What one party returns from a round.
 *
 * @param client who
 * @param round of which round
 * @param samples training examples it has, its weight in the mean
 * @param loraScale factor on the products of its LoRA pairs, alpha / rank; 1 where it has none
 * @param values the adapter as tuned there
 */
public record Update(
    String client, int round, long samples, float loraScale, AdapterValues values) {
  /** The same with other values. */
  Update with(AdapterValues other, float scale) {
    return new Update(client, round, samples, scale, other);
  }
}

package dev.outpost.offsite.federated;

import dev.outpost.tensor.Tensor;
import dev.outpost.transformer.privacy.Secret;
import java.util.Iterator;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.stream.Stream;

/**
 * DP-FedAvg (McMahan et al. 2018): each party's whole change is clipped to length S, the sum gets
 * Gaussian noise of deviation σS, and is divided by the expected number of parties. It hides a
 * party's taking part from whoever sees the global adapters; the server itself sees the updates.
 *
 * @param noise σ
 * @param clip S
 * @param expected parties per round, on average
 * @param secret where the noise comes from; stays at the server
 */
public record ServerNoise(double noise, double clip, double expected, Secret secret) {
  public ServerNoise {
    if (!(noise > 0) || !(clip > 0) || !(expected > 0))
      throw new IllegalArgumentException(
          "server noise: noise, clip and expected parties must be positive, got "
              + noise
              + ", "
              + clip
              + ", "
              + expected);
  }

  /** {@code from + (Σ clipped changes + noise) / expected}; parties one after another. */
  AdapterValues mean(AdapterValues from, Stream<AdapterValues> parties, int round) {
    AdapterValues sum = from.zeros();
    for (Iterator<AdapterValues> i = parties.iterator(); i.hasNext(); ) {
      AdapterValues change = i.next().minus(from);
      sum = sum.plus(change, Math.min(1, clip / Math.max(change.norm(), 1e-300)));
    }
    Map<String, Tensor> noisy = new LinkedHashMap<>();
    sum.tensors()
        .forEach((name, t) -> {
          float[] values = t.toArray();
          secret.stream("federation/" + round + "/" + name)
              .addGaussians(noise * clip, values, 0, values.length);
          noisy.put(name, Tensor.of(t.shape(), values));
        });
    return from.plus(new AdapterValues(noisy), 1 / expected);
  }
}

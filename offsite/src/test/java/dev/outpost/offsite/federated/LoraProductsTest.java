package dev.outpost.offsite.federated;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import dev.outpost.tensor.Shape;
import dev.outpost.tensor.Tensor;
import dev.outpost.tensor.random.RandomStream;
import dev.outpost.transformer.TinyModels;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;

class LoraProductsTest {
  private static final String PATH = "blocks.0.attn.q";
  private static final int OUT = 7;
  private static final int IN = 5;

  private static Update party(String client, long samples, int rank, float scale, long seed) {
    RandomStream r = RandomStream.of(seed, client);
    Map<String, Tensor> t = new LinkedHashMap<>();
    t.put(PATH + ".lora_a.weight", random(r, rank, IN));
    t.put(PATH + ".lora_b.weight", random(r, OUT, rank));
    t.put("blocks.0.norm1.bias", random(r, 1, 3).reshape(3));
    return new Update(client, 1, samples, scale, new AdapterValues(t));
  }

  private static Tensor random(RandomStream r, int rows, int cols) {
    Tensor t = Tensor.zeros(rows, cols);
    for (int i = 0; i < t.size(); i++) t.data()[i] = (float) r.nextGaussian();
    return t;
  }

  /** s·B·A in double. */
  private static double[] product(AdapterValues v, float scale) {
    Tensor a = v.get(PATH + ".lora_a.weight");
    Tensor b = v.get(PATH + ".lora_b.weight");
    double[] p = new double[OUT * IN];
    for (int o = 0; o < OUT; o++)
      for (int i = 0; i < IN; i++)
        for (int d = 0; d < a.rows(); d++)
          p[o * IN + i] += (double) scale * b.get(o * a.rows() + d) * a.get(d * IN + i);
    return p;
  }

  private static double[] meanProduct(List<Update> updates) {
    double all = updates.stream().mapToDouble(Update::samples).sum();
    double[] mean = new double[OUT * IN];
    for (Update u : updates) {
      double[] p = product(u.values(), u.loraScale());
      for (int i = 0; i < p.length; i++) mean[i] += u.samples() / all * p[i];
    }
    return mean;
  }

  private static double distance(double[] a, double[] b) {
    double sum = 0;
    for (int i = 0; i < a.length; i++) sum += (a[i] - b[i]) * (a[i] - b[i]);
    return Math.sqrt(sum);
  }

  @Test
  void theMeanOfProductsIsExactWhenTheRankHoldsIt() {
    List<Update> parties =
        List.of(party("a", 1, 1, 2, 1), party("b", 3, 2, 0.5f, 1), party("c", 2, 1, 1, 1));
    for (boolean wide : new boolean[] {false, true}) {
      // Four directions in all, or more than the matrix has.
      List<Update> some = wide ? List.of(party("a", 1, 4, 2, 1), party("b", 3, 4, 1, 1)) : parties;
      int rank = wide ? 5 : 4;
      AdapterValues mean = new LoraProducts(TinyModels.best(), rank, 0.25f, 7).mean(some);
      double[] want = meanProduct(some);
      assertThat(distance(product(mean, 0.25f), want))
          .isLessThan(1e-5 * distance(want, new double[want.length]));
      assertThat(mean.names()).isEqualTo(some.getFirst().values().names());
    }
  }

  @Test
  void whatIsNoLoraIsAveragedAsItIs() {
    List<Update> parties = List.of(party("a", 1, 2, 1, 1), party("b", 3, 2, 1, 1));
    AdapterValues mean = new LoraProducts(TinyModels.best(), 2, 1, 7).mean(parties);
    Tensor a = parties.get(0).values().get("blocks.0.norm1.bias");
    Tensor b = parties.get(1).values().get("blocks.0.norm1.bias");
    for (int i = 0; i < 3; i++)
      assertThat(mean.get("blocks.0.norm1.bias").get(i))
          .isCloseTo(0.25f * a.get(i) + 0.75f * b.get(i), within(1e-6f));
  }

  /** The cut loses what singular values say, and less than the mean of the factors does. */
  @Test
  void aCutMeanIsNearerThanTheMeanOfFactors() {
    List<Update> parties = List.of(party("a", 1, 2, 1, 5), party("b", 1, 2, 1, 5));
    double[] want = meanProduct(parties);
    AdapterValues cut = new LoraProducts(TinyModels.best(), 2, 1, 7).mean(parties);
    AdapterValues naive = new AggregationRule.WeightedMean().combine(parties);
    assertThat(distance(product(cut, 1), want)).isLessThan(distance(product(naive, 1), want));
  }

  @Test
  void partiesOfSmallerAndLargerRankStartFromTheSameDirections() {
    LoraProducts server = new LoraProducts(TinyModels.best(), 3, 2, 7);
    AdapterValues global = server.mean(List.of(party("a", 1, 3, 1, 9)));
    AdapterValues more = server.forRank(global, 5, 0.5f);
    assertThat(distance(product(more, 0.5f), product(global, 2))).isLessThan(1e-5);
    assertThat(more.get(PATH + ".lora_a.weight").shape()).isEqualTo(Shape.of(5, IN));
    AdapterValues fewer = server.forRank(global, 1, 4);
    AdapterValues again =
        new LoraProducts(TinyModels.best(), 1, 2, 7).mean(List.of(party("a", 1, 3, 1, 9)));
    assertThat(distance(product(fewer, 4), product(again, 2))).isLessThan(1e-5);
  }

  @Test
  void anUntouchedAdapterStaysOneThatCanLearn() {
    Update fresh = party("a", 1, 2, 1, 3);
    fresh.values().get(PATH + ".lora_b.weight").fill(0);
    AdapterValues mean = new LoraProducts(TinyModels.best(), 2, 1, 7).mean(List.of(fresh, fresh));
    assertThat(mean.get(PATH + ".lora_b.weight").toArray()).containsOnly(0);
    for (int d = 0; d < 2; d++) {
      double row = 0;
      for (int i = 0; i < IN; i++)
        row += Math.abs(mean.get(PATH + ".lora_a.weight").get(d * IN + i));
      assertThat(row).isPositive();
    }
  }

  @Test
  void robustRulesWorkOnProducts() {
    List<Update> parties =
        List.of(
            party("a", 1, 2, 1, 3),
            party("b", 1, 2, 1, 3),
            party("c", 1, 2, 1, 3).with(party("a", 1, 2, 1, 3).values(), 1));
    // Two of three are the same party: the median is theirs, whatever the third says.
    AdapterValues median =
        new LoraProducts(TinyModels.best(), 2, 1, 7).combine(new AggregationRule.Median(), parties);
    double[] want = product(parties.getFirst().values(), 1);
    assertThat(distance(product(median, 1), want)).isLessThan(1e-4);
  }
}

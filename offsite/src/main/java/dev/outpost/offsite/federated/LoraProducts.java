package dev.outpost.offsite.federated;

import dev.outpost.offsite.svd.Svd;
import dev.outpost.tensor.Tensor;
import dev.outpost.tensor.kernel.Kernels;
import dev.outpost.tensor.kernel.MatView;
import dev.outpost.tensor.random.RandomStream;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/**
 * LoRA pairs combined as what they stand for, the products {@code s·B·A}: the mean of the factors
 * is not the factor of the mean, and parties may have different ranks. The result is brought back
 * to pairs by its largest singular values, {@code B = U·√σ/√s, A = √σ·V/√s}, strongest direction
 * first, so that a party of smaller rank takes the first rows.
 *
 * @param rank of the global adapter's pairs
 * @param scale s of the global adapter
 * @param seed of directions that start afresh
 */
public record LoraProducts(Kernels kernels, int rank, float scale, long seed) {
  private static final String A = ".lora_a.weight";
  private static final String B = ".lora_b.weight";

  public LoraProducts {
    if (rank < 1 || !(scale > 0))
      throw new IllegalArgumentException(
          "lora products: rank and scale must be positive, got " + rank + ", " + scale);
  }

  /**
   * The mean of the products by samples; what is no LoRA is averaged as it is. Exact up to the cut
   * to the rank: the factors side by side are the mean's factors.
   */
  public AdapterValues mean(List<Update> updates) {
    double[] weights = AggregationRule.WeightedMean.weights(updates);
    Map<String, Tensor> out =
        new LinkedHashMap<>(new AggregationRule.WeightedMean().combine(plain(updates)).tensors());
    for (String path : paths(updates.getFirst().values())) {
      List<Tensor> left = new ArrayList<>();
      List<Tensor> right = new ArrayList<>();
      for (int i = 0; i < weights.length; i++) {
        Update u = updates.get(i);
        left.add(transposed(u.values().get(path + B), weights[i] * u.loraScale()));
        right.add(u.values().get(path + A));
      }
      put(out, path, Svd.ofProduct(stacked(left), stacked(right), kernels));
    }
    return inOrderOf(updates.getFirst().values(), out);
  }

  /** Any rule, on the products themselves. */
  public AdapterValues combine(AggregationRule rule, List<Update> updates) {
    if (rule instanceof AggregationRule.WeightedMean) return mean(updates);
    AdapterValues first = updates.getFirst().values();
    List<Update> dense = updates.stream().map(u -> u.with(products(u), 1)).toList();
    return factors(rule.combine(dense), first);
  }

  /**
   * Pairs of the global rank from products.
   *
   * @param products as {@link #products} gives them
   * @param like names and their order
   */
  public AdapterValues factors(AdapterValues products, AdapterValues like) {
    Map<String, Tensor> out = new LinkedHashMap<>(products.tensors());
    for (String path : paths(like)) {
      Tensor product = products.get(path);
      out.remove(path);
      put(
          out,
          path,
          Svd.largest(
              product,
              Math.min(rank, Math.min(product.rows(), product.cols())),
              kernels,
              seed,
              path));
    }
    return inOrderOf(like, out);
  }

  /**
   * What a party of another rank and scale starts from: the strongest directions, or directions
   * without weight beyond the global rank.
   */
  public AdapterValues forRank(AdapterValues global, int otherRank, float otherScale) {
    Map<String, Tensor> out = new LinkedHashMap<>(global.tensors());
    float factor = (float) Math.sqrt(scale / otherScale);
    for (String path : paths(global)) {
      Tensor a = global.get(path + A);
      Tensor b = global.get(path + B);
      Tensor small = fresh(path, otherRank, a.cols());
      Tensor wide = Tensor.zeros(b.rows(), otherRank);
      for (int d = 0; d < Math.min(rank, otherRank); d++) {
        for (int i = 0; i < a.cols(); i++)
          small.data()[d * a.cols() + i] = factor * a.get(d * a.cols() + i);
        for (int o = 0; o < b.rows(); o++)
          wide.data()[o * otherRank + d] = factor * b.get(o * rank + d);
      }
      out.put(path + A, small);
      out.put(path + B, wide);
    }
    return new AdapterValues(out);
  }

  /**
   * The products of an update's pairs, [out, in] under the projection's path; all else as it is.
   */
  public AdapterValues products(Update u) {
    Map<String, Tensor> out = new LinkedHashMap<>(without(u.values()).tensors());
    for (String path : paths(u.values())) {
      Tensor a = u.values().get(path + A);
      Tensor b = transposed(u.values().get(path + B), u.loraScale());
      Tensor product = Tensor.zeros(b.cols(), a.cols());
      kernels.gemm(MatView.of(b).t(), MatView.of(a), MatView.of(product), false);
      out.put(path, product);
    }
    return new AdapterValues(out);
  }

  /** The products of the global adapter. */
  public AdapterValues products(AdapterValues global) {
    return products(new Update("global", 0, 1, scale, global));
  }

  /**
   * Euclidean norm of the difference of two global adapters, of what pairs stand for: the same
   * product may come from other factors. One product at a time.
   */
  public double distance(AdapterValues a, AdapterValues b) {
    double squares = without(a).minus(without(b)).squares();
    for (String path : paths(a))
      squares += products(pair(a, path)).minus(products(pair(b, path))).squares();
    return Math.sqrt(squares);
  }

  private static AdapterValues pair(AdapterValues values, String path) {
    Map<String, Tensor> one = new LinkedHashMap<>();
    one.put(path + A, values.get(path + A));
    one.put(path + B, values.get(path + B));
    return new AdapterValues(one);
  }

  /** Paths of the projections that carry LoRA. */
  static List<String> paths(AdapterValues values) {
    return values.names().stream()
        .filter(name -> name.endsWith(A))
        .map(name -> name.substring(0, name.length() - A.length()))
        .toList();
  }

  private static List<Update> plain(List<Update> updates) {
    return updates.stream().map(u -> u.with(without(u.values()), 1)).toList();
  }

  private static AdapterValues without(AdapterValues values) {
    Map<String, Tensor> rest = new LinkedHashMap<>(values.tensors());
    rest.keySet().removeIf(name -> name.endsWith(A) || name.endsWith(B));
    return new AdapterValues(rest);
  }

  /** A pair from the largest values; directions without weight start as LoRA starts: B is 0. */
  private void put(Map<String, Tensor> out, String path, Svd svd) {
    int in = svd.v().cols();
    int height = svd.u().cols();
    Tensor a = fresh(path, rank, in);
    Tensor b = Tensor.zeros(height, rank);
    double least = svd.values().length == 0 ? 0 : 1e-7 * svd.values()[0];
    for (int d = 0; d < Math.min(rank, svd.rank()); d++) {
      double value = svd.values()[d];
      if (!(value > least)) break;
      double root = Math.sqrt(value / scale);
      for (int i = 0; i < in; i++) a.data()[d * in + i] = (float) (root * svd.v().get(d * in + i));
      for (int o = 0; o < height; o++)
        b.data()[o * rank + d] = (float) (root * svd.u().get(d * height + o));
    }
    out.put(path + A, a);
    out.put(path + B, b);
  }

  private Tensor fresh(String path, int rows, int in) {
    Tensor a = Tensor.zeros(rows, in);
    RandomStream stream = RandomStream.of(seed, "lora." + path);
    float bound = (float) (1 / Math.sqrt(in));
    for (int i = 0; i < a.size(); i++) a.data()[i] = (2 * stream.nextFloat() - 1) * bound;
    return a;
  }

  private static Tensor transposed(Tensor t, double factor) {
    Tensor out = Tensor.zeros(t.cols(), t.rows());
    for (int i = 0; i < t.rows(); i++)
      for (int j = 0; j < t.cols(); j++)
        out.data()[j * t.rows() + i] = (float) (factor * t.get(i * t.cols() + j));
    return out;
  }

  private static Tensor stacked(List<Tensor> rows) {
    int cols = rows.getFirst().cols();
    Tensor out = Tensor.zeros(rows.stream().mapToInt(Tensor::rows).sum(), cols);
    int at = 0;
    for (Tensor t : rows) for (int i = 0; i < t.size(); i++) out.data()[at++] = t.get(i);
    return out;
  }

  private static AdapterValues inOrderOf(AdapterValues like, Map<String, Tensor> values) {
    Map<String, Tensor> ordered = new LinkedHashMap<>();
    for (String name : like.names()) {
      Tensor t = values.get(name);
      if (t != null) ordered.put(name, t);
    }
    return new AdapterValues(ordered);
  }
}

package dev.outpost.offsite.federated;

import dev.outpost.tensor.Shape;
import dev.outpost.tensor.Tensor;
import dev.outpost.tensor.weight.HeapWeight;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.function.DoubleBinaryOperator;

/**
 * The numbers of an adapter in the order of their names, with the arithmetic that rounds need.
 * Never changed once made.
 *
 * @param tensors by parameter name
 */
public record AdapterValues(Map<String, Tensor> tensors) {
  /** No numbers. */
  public static final AdapterValues NONE = new AdapterValues(Map.of());

  public AdapterValues {
    tensors = Collections.unmodifiableSortedMap(new TreeMap<>(tensors));
  }

  /** Shares the numbers of an artifact's tensors. */
  public static AdapterValues of(Map<String, HeapWeight> tensors) {
    Map<String, Tensor> all = new LinkedHashMap<>();
    tensors.forEach((name, w) -> all.put(name, w.tensor()));
    return new AdapterValues(all);
  }

  /** As an artifact holds them. */
  public Map<String, HeapWeight> weights() {
    Map<String, HeapWeight> all = new LinkedHashMap<>();
    tensors.forEach((name, t) -> all.put(name, HeapWeight.of(t)));
    return all;
  }

  /** How many numbers. */
  public long count() {
    return tensors.values().stream().mapToLong(Tensor::size).sum();
  }

  /** Names in order. */
  public Set<String> names() {
    return tensors.keySet();
  }

  /** The tensor of a name. */
  public Tensor get(String name) {
    Tensor t = tensors.get(name);
    if (t == null) throw new IllegalArgumentException("adapter: no values of " + name);
    return t;
  }

  /** {@code this − other}, name by name. */
  public AdapterValues minus(AdapterValues other) {
    return with(other, (a, b) -> a - b);
  }

  /** {@code this + scale·other}. */
  public AdapterValues plus(AdapterValues other, double scale) {
    return with(other, (a, b) -> a + scale * b);
  }

  /** Element by element, computed in double. */
  public AdapterValues with(AdapterValues other, DoubleBinaryOperator f) {
    Map<String, Tensor> all = new LinkedHashMap<>();
    tensors.forEach((name, a) -> {
      Tensor b = other.get(name);
      if (!a.shape().equals(b.shape()))
        throw new IllegalArgumentException(
            "adapter: " + name + " has shape " + a.shape() + " here and " + b.shape() + " there");
      Tensor c = Tensor.zeros(a.shape());
      for (int i = 0; i < a.size(); i++) c.data()[i] = (float) f.applyAsDouble(a.get(i), b.get(i));
      all.put(name, c);
    });
    return new AdapterValues(all);
  }

  /** Zeros of the same names and shapes. */
  public AdapterValues zeros() {
    Map<String, Tensor> all = new LinkedHashMap<>();
    tensors.forEach((name, t) -> all.put(name, Tensor.zeros(t.shape())));
    return new AdapterValues(all);
  }

  /** The sum of squares of all numbers. */
  public double squares() {
    double sum = 0;
    for (Tensor t : tensors.values())
      for (int i = 0; i < t.size(); i++) sum += (double) t.get(i) * t.get(i);
    return sum;
  }

  /** The Euclidean norm of all numbers. */
  public double norm() {
    return Math.sqrt(squares());
  }

  /** Shapes by name. */
  public Map<String, Shape> shapes() {
    Map<String, Shape> all = new LinkedHashMap<>();
    tensors.forEach((name, t) -> all.put(name, t.shape()));
    return all;
  }

  /** Names that one has and the other lacks. */
  static Set<String> difference(Set<String> has, Set<String> lacks) {
    Set<String> left = new LinkedHashSet<>(has);
    left.removeAll(lacks);
    return left;
  }
}

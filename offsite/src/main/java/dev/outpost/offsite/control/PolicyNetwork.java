package dev.outpost.offsite.control;

import dev.outpost.autograd.Tape;
import dev.outpost.autograd.Var;
import dev.outpost.autograd.op.Activation;
import dev.outpost.autograd.op.Add;
import dev.outpost.autograd.op.Linear;
import dev.outpost.autograd.optim.ParameterGroup;
import dev.outpost.tensor.Shape;
import dev.outpost.tensor.Tensor;
import dev.outpost.tensor.kernel.UnaryMap;
import dev.outpost.tensor.random.RandomStream;
import dev.outpost.tensor.weight.HeapWeight;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/**
 * A policy and its value: two layers of tanh that all heads share, one linear head with the logits
 * of all branches, one with the value. Weights [out, in] by their names.
 */
public final class PolicyNetwork {
  private static final List<String> LAYERS = List.of("trunk.0", "trunk.1", "policy", "value");

  private final Map<String, HeapWeight> weights;

  private PolicyNetwork(Map<String, HeapWeight> weights) {
    this.weights = weights;
  }

  private static int[] extents(int features, int hidden, int logits) {
    return new int[] {hidden, features, hidden, hidden, logits, hidden, 1, hidden};
  }

  /**
   * Weights normal with variance 1/in, the policy's a hundredth of that in size so that it begins
   * almost without preference; biases 0.
   */
  public static PolicyNetwork init(int features, int hidden, int logits, long seed) {
    RandomStream random = RandomStream.of(seed, "control/init");
    Map<String, HeapWeight> weights = new LinkedHashMap<>();
    int[] extents = extents(features, hidden, logits);
    for (int l = 0; l < LAYERS.size(); l++) {
      String layer = LAYERS.get(l);
      Tensor w = Tensor.zeros(extents[2 * l], extents[2 * l + 1]);
      double scale = (layer.equals("policy") ? 0.01 : 1) / Math.sqrt(w.cols());
      for (int i = 0; i < w.size(); i++) w.data()[i] = (float) (scale * random.nextGaussian());
      weights.put(layer + ".weight", HeapWeight.of(w));
      weights.put(layer + ".bias", HeapWeight.of(Tensor.zeros(extents[2 * l])));
    }
    return new PolicyNetwork(weights);
  }

  /**
   * Of given numbers.
   *
   * @throws IllegalArgumentException when a weight is missing, unknown or of a wrong shape
   */
  public static PolicyNetwork of(Map<String, Tensor> values) {
    Map<String, HeapWeight> weights = new LinkedHashMap<>();
    for (String layer : LAYERS)
      for (String what : List.of(".weight", ".bias")) {
        Tensor t = values.get(layer + what);
        if (t == null || t.shape().rank() != (what.equals(".bias") ? 1 : 2))
          throw new IllegalArgumentException(
              "policy: " + layer + what + " is missing or has another rank");
        weights.put(layer + what, HeapWeight.of(t));
      }
    if (values.size() != weights.size())
      throw new IllegalArgumentException(
          "policy: holds tensors besides its " + weights.size() + ": " + values.keySet());
    PolicyNetwork network = new PolicyNetwork(weights);
    int[] want = extents(network.features(), network.hidden(), network.logits());
    for (int l = 0; l < LAYERS.size(); l++) {
      Shape shape = Shape.of(want[2 * l], want[2 * l + 1]);
      if (!network.weight(LAYERS.get(l) + ".weight").shape().equals(shape)
          || network.weight(LAYERS.get(l) + ".bias").shape().size() != want[2 * l])
        throw new IllegalArgumentException(
            "policy: " + LAYERS.get(l) + " must be " + shape + " with as many biases as rows");
    }
    return network;
  }

  private HeapWeight weight(String name) {
    HeapWeight w = weights.get(name);
    if (w == null) throw new IllegalStateException("policy: no weight " + name);
    return w;
  }

  /** Numbers in a state. */
  public int features() {
    return weight("trunk.0.weight").shape().dim(1);
  }

  /** Width of the trunk. */
  public int hidden() {
    return weight("trunk.0.weight").shape().dim(0);
  }

  /** Logits of all branches. */
  public int logits() {
    return weight("policy.weight").shape().dim(0);
  }

  /** The live weights. */
  public Map<String, HeapWeight> weights() {
    return weights;
  }

  /** For an optimizer, without decay. */
  List<ParameterGroup> groups() {
    return List.of(
        new ParameterGroup(
            weights.entrySet().stream()
                .map(e -> new ParameterGroup.Named(e.getKey(), e.getValue()))
                .toList(),
            0));
  }

  /**
   * What the heads say.
   *
   * @param logits [N, width]
   * @param values [N, 1]
   */
  public record Heads(Var logits, Var values) {}

  /** States [N, features] through trunk and heads; {@code prior} [N, width] is added to logits. */
  public Heads forward(Tape t, Tensor states, Tensor prior) {
    Var h = t.constant(states);
    for (String layer : List.of("trunk.0", "trunk.1"))
      h = Activation.activation(t, UnaryMap.TANH, linear(t, layer, h));
    Var logits = Add.add(t, linear(t, "policy", h), t.constant(prior));
    return new Heads(logits, linear(t, "value", h));
  }

  private Var linear(Tape t, String layer, Var x) {
    return Linear.linear(
        t,
        layer,
        x,
        t.leaf(weight(layer + ".weight"), true),
        t.leaf(weight(layer + ".bias"), true),
        Linear.Layout.OUT_IN);
  }
}

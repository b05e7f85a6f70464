package dev.outpost.offsite.federated;

import dev.outpost.tensor.kernel.Kernels;
import dev.outpost.transformer.peft.LoraConfig;
import dev.outpost.transformer.peft.PeftMethod;
import java.util.Comparator;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * How a round's updates and the global adapter become the next global adapter. A function of its
 * arguments alone: neither the order of arrival nor the machine changes a bit.
 *
 * @param rule how updates become one; not used under {@code noise}, which is a mean
 * @param optimizer what is made of it
 * @param lora how LoRA pairs are combined as products; null for other methods
 * @param noise what hides the single party from who sees the result; null for nothing
 */
public record Aggregation(
    AggregationRule rule,
    ServerOptimizer optimizer,
    @Nullable LoraProducts lora,
    @Nullable ServerNoise noise) {
  /** With what {@code method} needs of its own. */
  public static Aggregation of(
      AggregationRule rule,
      ServerOptimizer optimizer,
      PeftMethod method,
      Kernels kernels,
      long seed,
      @Nullable ServerNoise noise) {
    LoraProducts lora =
        method instanceof LoraConfig c
            ? new LoraProducts(kernels, c.rank(), c.scale(), seed)
            : null;
    return new Aggregation(rule, optimizer, lora, noise);
  }

  /** Before the first round. */
  public GlobalState start(AdapterValues values, boolean scaffold) {
    return GlobalState.start(values, optimized(values), optimizer, scaffold);
  }

  /**
   * After a round.
   *
   * @param updates of the round, at least one
   * @param parties how many there are in all, those that did not take part included
   */
  public GlobalState next(GlobalState state, List<Update> updates, int parties) {
    List<Update> sorted = updates.stream().sorted(Comparator.comparing(Update::client)).toList();
    AdapterValues from = optimized(state.values());
    AdapterValues combined;
    if (noise != null)
      combined = noise.mean(from, sorted.stream().map(this::optimized), state.round() + 1);
    else combined = lora == null ? rule.combine(sorted) : reduced(lora, sorted);
    return next(state, from, combined, control(state, sorted, parties));
  }

  /**
   * After a round of which only the mean is known, as a secure sum gives it.
   *
   * @param mean of the values, or of the products of LoRA pairs
   */
  public GlobalState nextOfMean(GlobalState state, AdapterValues mean) {
    AdapterValues combined =
        lora == null || inProducts() ? mean : lora.factors(mean, state.values());
    return next(state, optimized(state.values()), combined, state.control());
  }

  private GlobalState next(
      GlobalState state,
      AdapterValues from,
      AdapterValues combined,
      @Nullable AdapterValues control) {
    ServerOptimizer.Step step = optimizer.step(from, combined, state.memory());
    AdapterValues values =
        lora != null && inProducts() ? lora.factors(step.global(), state.values()) : step.global();
    return new GlobalState(state.round() + 1, values, step.memory(), control);
  }

  /** Euclidean norm of the difference of two global adapters, of LoRA pairs of their products. */
  public double distance(AdapterValues a, AdapterValues b) {
    return lora == null ? a.minus(b).norm() : lora.distance(a, b);
  }

  /** Whether the optimizer works on products: a step along a factor means nothing by itself. */
  private boolean inProducts() {
    return lora != null && (noise != null || !(optimizer instanceof ServerOptimizer.Take));
  }

  private AdapterValues optimized(AdapterValues values) {
    return lora != null && inProducts() ? lora.products(values) : values;
  }

  private AdapterValues optimized(Update u) {
    return lora != null && inProducts() ? lora.products(u) : u.values();
  }

  private AdapterValues reduced(LoraProducts products, List<Update> updates) {
    AdapterValues factors = products.combine(rule, updates);
    return inProducts() ? products.products(factors) : factors;
  }

  /** SCAFFOLD: {@code c ← c + 1/N Σ Δcᵢ} (Karimireddy et al. 2020, algorithm 1, line 17). */
  private static @Nullable AdapterValues control(
      GlobalState state, List<Update> updates, int parties) {
    AdapterValues control = state.control();
    if (control == null) return null;
    for (Update u : updates) {
      if (u.control() == null)
        throw new IllegalArgumentException(
            "aggregation: the update of " + u.client() + " has no control variate");
      control = control.plus(u.control(), 1.0 / parties);
    }
    return control;
  }
}

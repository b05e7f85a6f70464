package dev.outpost.offsite.federated;

/**
 * What the server makes of the round's combined values: takes them as they are, or treats the
 * change as a gradient.
 */
public sealed interface ServerOptimizer {
  /** What the optimizer remembers between rounds, by the names of the adapter. */
  record Memory(int rounds, AdapterValues first, AdapterValues second) {}

  /** The new global adapter and what is remembered. */
  record Step(AdapterValues global, Memory memory) {}

  /** Before the first round. */
  Memory start(AdapterValues global);

  /** Goes from the global adapter to the next, given what the parties' values became. */
  Step step(AdapterValues global, AdapterValues combined, Memory memory);

  /** The combined values are the next adapter (FedAvg). */
  record Take() implements ServerOptimizer {
    @Override
    public Memory start(AdapterValues global) {
      return new Memory(0, AdapterValues.NONE, AdapterValues.NONE);
    }

    @Override
    public Step step(AdapterValues global, AdapterValues combined, Memory memory) {
      return new Step(combined, new Memory(memory.rounds() + 1, memory.first(), memory.second()));
    }
  }

  /**
   * FedAdam (Reddi et al. 2021, algorithm 2): with Δ = combined − global, {@code m = β₁m + (1−β₁)Δ,
   * v = β₂v + (1−β₂)Δ², A ← A + η·m/(√v + τ)}. No bias correction, as there.
   *
   * @param rate η
   * @param beta1 β₁, 0.9 in the paper
   * @param beta2 β₂, 0.99 in the paper
   * @param tau τ, the degree of adaptivity
   */
  record FedAdam(double rate, double beta1, double beta2, double tau) implements ServerOptimizer {
    public FedAdam {
      if (!(rate > 0) || !(beta1 >= 0 && beta1 < 1) || !(beta2 >= 0 && beta2 < 1) || !(tau > 0))
        throw new IllegalArgumentException(
            "fedadam: needs rate > 0, betas in [0, 1) and tau > 0, got "
                + rate
                + ", "
                + beta1
                + ", "
                + beta2
                + ", "
                + tau);
    }

    /** The paper's betas and τ = 1e-3. */
    public static FedAdam of(double rate) {
      return new FedAdam(rate, 0.9, 0.99, 1e-3);
    }

    @Override
    public Memory start(AdapterValues global) {
      return new Memory(0, global.zeros(), global.zeros());
    }

    @Override
    public Step step(AdapterValues global, AdapterValues combined, Memory memory) {
      AdapterValues change = combined.minus(global);
      AdapterValues m = memory.first().with(change, (a, d) -> beta1 * a + (1 - beta1) * d);
      AdapterValues v = memory.second().with(change, (a, d) -> beta2 * a + (1 - beta2) * d * d);
      AdapterValues move = m.with(v, (a, b) -> a / (Math.sqrt(b) + tau));
      return new Step(global.plus(move, rate), new Memory(memory.rounds() + 1, m, v));
    }
  }
}

package dev.outpost;

import dev.outpost.transformer.peft.LoraConfig;
import dev.outpost.transformer.peft.PeftMethod;
import java.util.Optional;

/**
 * How a model learns from texts.
 *
 * @param method what is learnt beside frozen weights, or which of the blocks' weights; empty trains
 *     every weight, embeddings and head too. Each trained number takes sixteen bytes of heap
 * @param steps of the optimizer
 * @param batch blocks of text in each step
 * @param block tokens in a block, at most the model's context; the texts are cut into these
 * @param learningRate at its highest
 * @param seed of all that is random
 */
public record Tuning(
    Optional<PeftMethod> method, int steps, int batch, int block, float learningRate, long seed) {
  public Tuning {
    if (steps < 1 || batch < 1 || block < 2)
      throw new IllegalArgumentException(
          "tuning: steps and batch must be at least 1, a block at least 2 tokens");
    if (!(learningRate > 0) || Float.isInfinite(learningRate))
      throw new IllegalArgumentException(
          "tuning: learning rate must be positive, got " + learningRate);
  }

  /** LoRA of this rank on every projection: 100 steps of 4 blocks of 128 tokens at 1e-3. */
  public static Tuning lora(int rank) {
    return of(LoraConfig.of(rank));
  }

  /**
   * A method in every block, such as {@code Ia3Config.PAPER} or {@code new PromptConfig(20)}: 100
   * steps of 4 blocks of 128 tokens at 1e-3.
   */
  public static Tuning of(PeftMethod method) {
    return new Tuning(Optional.of(method), 100, 4, 128, 1e-3f, 42);
  }

  /** Every weight: 100 steps of 4 blocks of 128 tokens at 1e-4. */
  public static Tuning full() {
    return new Tuning(Optional.empty(), 100, 4, 128, 1e-4f, 42);
  }

  /** The same with other steps. */
  public Tuning withSteps(int other) {
    return new Tuning(method, other, batch, block, learningRate, seed);
  }

  /** The same with so many blocks of so many tokens in each step. */
  public Tuning withBatch(int blocks, int tokens) {
    return new Tuning(method, steps, blocks, tokens, learningRate, seed);
  }

  /** The same with another learning rate. */
  public Tuning withLearningRate(float other) {
    return new Tuning(method, steps, batch, block, other, seed);
  }

  /** The same with other random numbers. */
  public Tuning withSeed(long other) {
    return new Tuning(method, steps, batch, block, learningRate, other);
  }
}

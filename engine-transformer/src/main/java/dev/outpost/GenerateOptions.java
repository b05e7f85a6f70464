package dev.outpost;

import dev.outpost.transformer.run.Sampling;
import java.util.ArrayList;
import java.util.List;

/**
 * How text is made.
 *
 * @param maxTokens most tokens to add
 * @param sampling how each is chosen
 * @param stops texts that end it and are not part of it
 * @param seed of the choices: the same seed, the same text
 */
public record GenerateOptions(int maxTokens, Sampling sampling, List<String> stops, long seed) {
  /** 128 tokens at most, temperature 0.8, the best 95 % of the probability. */
  public static final GenerateOptions DEFAULT =
      new GenerateOptions(128, new Sampling(0.8f, 0, 0.95f), List.of(), 42);

  public GenerateOptions {
    if (maxTokens < 1)
      throw new IllegalArgumentException(
          "generate: maxTokens must be at least 1, got " + maxTokens);
    if (stops.stream().anyMatch(String::isEmpty))
      throw new IllegalArgumentException("generate: a stop text must not be empty");
    stops = List.copyOf(stops);
  }

  /** Always the best token. */
  public static GenerateOptions greedy() {
    return new GenerateOptions(DEFAULT.maxTokens, Sampling.greedy(), List.of(), DEFAULT.seed);
  }

  /** The same with another limit. */
  public GenerateOptions withMaxTokens(int most) {
    return new GenerateOptions(most, sampling, stops, seed);
  }

  /** The same with another way to choose. */
  public GenerateOptions withSampling(Sampling other) {
    return new GenerateOptions(maxTokens, other, stops, seed);
  }

  /** The same, ending also before this text. */
  public GenerateOptions stoppingAt(String text) {
    List<String> more = new ArrayList<>(stops);
    more.add(text);
    return new GenerateOptions(maxTokens, sampling, more, seed);
  }

  /** The same with other random choices. */
  public GenerateOptions withSeed(long other) {
    return new GenerateOptions(maxTokens, sampling, stops, other);
  }
}

package dev.outpost.transformer.peft;

import java.util.List;
import java.util.stream.Stream;

/**
 * How IA³ (Liu et al. 2022, "Few-shot parameter-efficient fine-tuning is better and cheaper") is
 * attached: a factor of each number that a projection gives, or that one receives.
 *
 * @param outputs projections whose results are scaled, see {@link Targets}: keys and values. Where
 *     a family keeps query, key and value in one matrix, all its columns have a factor, as in the
 *     {@code peft} package
 * @param inputs projections whose inputs are scaled: the last of the feed-forward part
 */
public record Ia3Config(List<String> outputs, List<String> inputs) implements PeftMethod {
  /** The paper's: keys, values and the inner activation of the feed-forward part. */
  public static final Ia3Config PAPER =
      new Ia3Config(List.of("attn.qkv", "attn.k", "attn.v"), List.of("mlp.down"));

  public Ia3Config {
    Targets.checked("ia3", Stream.concat(outputs.stream(), inputs.stream()).toList());
    outputs = List.copyOf(outputs);
    inputs = List.copyOf(inputs);
  }

  @Override
  public String name() {
    return "ia3";
  }
}

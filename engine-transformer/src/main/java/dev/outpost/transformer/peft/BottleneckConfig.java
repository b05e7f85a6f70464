package dev.outpost.transformer.peft;

import java.util.List;

/**
 * How bottleneck adapters (Houlsby et al. 2019) are attached.
 *
 * @param size inner numbers, at least 1
 * @param dropout probability of dropping an inner number while training, in [0, 1)
 * @param targets behind which projections, see {@link Targets}
 */
public record BottleneckConfig(int size, float dropout, List<String> targets)
    implements PeftMethod {
  /** Behind attention and behind the feed-forward part, before each joins the stream. */
  public static final List<String> BOTH_HALVES = List.of("attn.out", "mlp.down");

  public BottleneckConfig {
    Range.requirePositive("bottleneck", "size", size);
    Range.requireDropout("bottleneck", dropout);
    targets = Targets.checked("bottleneck", targets);
  }

  /** This size in both halves of a block, no dropout. */
  public static BottleneckConfig of(int size) {
    return new BottleneckConfig(size, 0, BOTH_HALVES);
  }

  /** The setting of the offsite-tuning experiments (Xiao et al. 2023, param_efficient.py). */
  public static BottleneckConfig offsiteTuning() {
    return new BottleneckConfig(64, 0.1f, BOTH_HALVES);
  }

  @Override
  public String name() {
    return "bottleneck";
  }

  @Override
  public boolean merges() {
    return false;
  }
}

package dev.outpost.offsite.tune;

import dev.outpost.tensor.io.FormatException;
import dev.outpost.tensor.io.JsonObject;
import dev.outpost.transformer.peft.BottleneckConfig;
import dev.outpost.transformer.peft.Ia3Config;
import dev.outpost.transformer.peft.LoraConfig;
import dev.outpost.transformer.peft.PeftMethod;
import dev.outpost.transformer.peft.PrefixConfig;
import dev.outpost.transformer.peft.PromptConfig;
import java.util.ArrayList;
import java.util.List;

/**
 * How a person writes a tuning method in a plan: its name, and of its settings those that differ.
 */
public final class MethodSettings {
  private static final int MOST = 1 << 16;

  private MethodSettings() {}

  /**
   * Reads a method.
   *
   * @param kind its name, one of {@link PeftMethod#NAMES}
   * @param others fields that the plan reads itself; any further one is refused
   */
  public static PeftMethod read(JsonObject m, String kind, String... others)
      throws FormatException {
    try {
      return switch (kind) {
        case "full" -> known(m, others, new PeftMethod.Full());
        case "bitfit" -> known(m, others, new PeftMethod.BitFit());
        case "lora", "dora" -> {
          int rank = m.integer("rank", 1, MOST, 8);
          LoraConfig lora =
              new LoraConfig(
                  rank,
                  (float) m.number("alpha", 2.0 * rank),
                  (float) m.number("dropout", 0),
                  targets(m, LoraConfig.ALL_PROJECTIONS),
                  m.bool("rank_stabilised", false),
                  kind.equals("dora"));
          yield known(m, others, lora, "rank", "alpha", "dropout", "targets", "rank_stabilised");
        }
        case "bottleneck" -> {
          BottleneckConfig bottleneck =
              new BottleneckConfig(
                  m.integer("size", 1, MOST, 64),
                  (float) m.number("dropout", 0),
                  targets(m, BottleneckConfig.BOTH_HALVES));
          yield known(m, others, bottleneck, "size", "dropout", "targets");
        }
        case "prefix" ->
            known(m, others, new PrefixConfig(m.integer("tokens", 1, MOST, 20)), "tokens");
        case "prompt" ->
            known(m, others, new PromptConfig(m.integer("tokens", 1, MOST, 20)), "tokens");
        case "ia3" -> known(m, others, Ia3Config.PAPER);
        default -> throw m.wrong("method", "must be one of " + PeftMethod.NAMES);
      };
    } catch (IllegalArgumentException e) {
      throw m.wrong("method", "is not usable: " + e.getMessage());
    }
  }

  /** The method, when nothing is said but its settings. */
  private static PeftMethod known(
      JsonObject m, String[] others, PeftMethod method, String... settings) throws FormatException {
    List<String> all = new ArrayList<>(List.of(others));
    all.add("method");
    all.addAll(List.of(settings));
    m.requireOnly(all.toArray(String[]::new));
    return method;
  }

  private static List<String> targets(JsonObject m, List<String> otherwise) throws FormatException {
    return m.has("targets") ? m.strings("targets") : otherwise;
  }
}

package dev.outpost.offsite.artifact;

import dev.outpost.tensor.io.FormatException;
import dev.outpost.tensor.io.JsonObject;
import dev.outpost.transformer.peft.BottleneckConfig;
import dev.outpost.transformer.peft.Ia3Config;
import dev.outpost.transformer.peft.LoraConfig;
import dev.outpost.transformer.peft.PeftMethod;
import dev.outpost.transformer.peft.PrefixConfig;
import dev.outpost.transformer.peft.PromptConfig;

/**
 * How a tuning method stands in a manifest: {@code method} names it, the field of that name holds
 * its settings. A rank-stabilised scale is written as {@code rank_stabilised_alpha}, so that who
 * knows only {@code alpha} refuses rather than computes something else.
 */
public final class MethodFields {
  private static final int MOST = 1 << 20;
  private static final String ALPHA = "alpha";
  private static final String STABLE_ALPHA = "rank_stabilised_alpha";

  private MethodFields() {}

  /** Adds the settings. */
  public static void put(JsonObject manifest, PeftMethod method) {
    JsonObject o = JsonObject.create();
    switch (method) {
      case LoraConfig c ->
          o.put("rank", c.rank())
              .put(c.rankStabilised() ? STABLE_ALPHA : ALPHA, c.alpha())
              .put("dropout", c.dropout())
              .put("targets", c.targets());
      case BottleneckConfig c ->
          o.put("size", c.size()).put("dropout", c.dropout()).put("targets", c.targets());
      case PrefixConfig c -> o.put("tokens", c.tokens());
      case PromptConfig c -> o.put("tokens", c.tokens());
      case Ia3Config c -> o.put("outputs", c.outputs()).put("inputs", c.inputs());
      case PeftMethod.BitFit b -> {}
      case PeftMethod.Full f -> {}
    }
    if (!o.names().isEmpty()) manifest.put(method.name(), o);
  }

  /** Reads and checks the method. */
  public static PeftMethod read(JsonObject m) throws FormatException {
    String name = m.string("method");
    try {
      return switch (name) {
        case "full" -> new PeftMethod.Full();
        case "bitfit" -> new PeftMethod.BitFit();
        case "lora", "dora" -> lora(m.object(name), name.equals("dora"));
        case "bottleneck" -> bottleneck(m.object(name));
        case "prefix" -> new PrefixConfig(m.object(name).integer("tokens", 1, MOST));
        case "prompt" -> new PromptConfig(m.object(name).integer("tokens", 1, MOST));
        case "ia3" ->
            new Ia3Config(m.object(name).strings("outputs"), m.object(name).strings("inputs"));
        default ->
            throw m.wrong(
                "method", "is \"" + name + "\"; supported: " + String.join(", ", PeftMethod.NAMES));
      };
    } catch (IllegalArgumentException e) {
      throw m.wrong(name, "is not usable: " + e.getMessage());
    }
  }

  private static LoraConfig lora(JsonObject l, boolean dora) throws FormatException {
    boolean stable = l.has(STABLE_ALPHA);
    String alpha = stable ? STABLE_ALPHA : ALPHA;
    return new LoraConfig(
        l.integer("rank", 1, MOST),
        number(l, alpha),
        number(l, "dropout"),
        l.strings("targets"),
        stable,
        dora);
  }

  private static BottleneckConfig bottleneck(JsonObject b) throws FormatException {
    return new BottleneckConfig(
        b.integer("size", 1, MOST), number(b, "dropout"), b.strings("targets"));
  }

  private static float number(JsonObject o, String field) throws FormatException {
    if (!o.has(field)) throw o.wrong(field, "is missing; expected a number");
    return (float) o.number(field, 0);
  }
}

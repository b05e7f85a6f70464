package dev.outpost.offsite.app;

import dev.outpost.transformer.peft.BottleneckConfig;
import dev.outpost.transformer.peft.Ia3Config;
import dev.outpost.transformer.peft.LoraConfig;
import dev.outpost.transformer.peft.PeftMethod;
import dev.outpost.transformer.peft.PrefixConfig;
import dev.outpost.transformer.peft.PromptConfig;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Option;

/** What is tuned of the adapter blocks: {@code --method} and its settings. */
final class PeftOptions {
  /** Which settings a method has. */
  private static final Map<String, Set<String>> SETTINGS =
      Map.of(
          "full", Set.of(),
          "bitfit", Set.of(),
          "lora", Set.of("--rank", "--alpha", "--dropout", "--targets", "--rank-stabilised"),
          "dora", Set.of("--rank", "--alpha", "--dropout", "--targets", "--rank-stabilised"),
          "bottleneck", Set.of("--size", "--dropout", "--targets"),
          "prefix", Set.of("--tokens"),
          "prompt", Set.of("--tokens"),
          "ia3", Set.of("--targets", "--input-targets"));

  @Option(
      names = "--method",
      paramLabel = "NAME",
      completionCandidates = Names.class,
      description =
          "What to tune of the adapter blocks: ${COMPLETION-CANDIDATES}. Default: full, all their parameters.")
  @Nullable String method;

  @Option(
      names = "--lora",
      paramLabel = "RANK",
      description = "Short for --method lora --rank RANK.")
  @Nullable Integer lora;

  @Option(names = "--rank", paramLabel = "N", description = "Of lora and dora. Default: 8.")
  @Nullable Integer rank;

  @Option(
      names = {"--alpha", "--lora-alpha"},
      paramLabel = "X",
      description =
          "Of lora and dora: updates are scaled by alpha / rank. Default: twice the rank.")
  @Nullable Float alpha;

  @Option(
      names = "--rank-stabilised",
      description = "Of lora and dora: updates are scaled by alpha / √rank (rsLoRA).")
  boolean rankStabilised;

  @Option(
      names = {"--dropout", "--lora-dropout"},
      paramLabel = "P",
      description = "Of lora, dora and bottleneck. Default: 0.")
  @Nullable Float dropout;

  @Option(
      names = "--targets",
      split = ",",
      paramLabel = "NAME",
      description =
          "Projections to act on, such as attn.q, down or mlp.*. Default: lora and dora all, bottleneck attn.out and mlp.down, ia3 keys and values.")
  @Nullable List<String> targets;

  @Option(
      names = "--input-targets",
      split = ",",
      paramLabel = "NAME",
      description = "Of ia3: projections whose input is scaled. Default: mlp.down.")
  @Nullable List<String> inputTargets;

  @Option(names = "--size", paramLabel = "N", description = "Of bottleneck. Default: 64.")
  @Nullable Integer size;

  @Option(names = "--tokens", paramLabel = "N", description = "Of prefix and prompt. Default: 20.")
  @Nullable Integer tokens;

  /** The method's names. */
  static final class Names extends ArrayList<String> {
    private static final long serialVersionUID = 1L;

    Names() {
      super(PeftMethod.NAMES);
    }
  }

  /** The method that is asked for, its settings checked. */
  PeftMethod method() {
    String name = name();
    refuseForeign(name);
    try {
      return switch (name) {
        case "full" -> new PeftMethod.Full();
        case "bitfit" -> new PeftMethod.BitFit();
        case "lora", "dora" -> lora(name.equals("dora"));
        case "bottleneck" ->
            new BottleneckConfig(
                or(size, 64), or(dropout, 0f), or(targets, BottleneckConfig.BOTH_HALVES));
        case "prefix" -> new PrefixConfig(or(tokens, 20));
        case "prompt" -> new PromptConfig(or(tokens, 20));
        case "ia3" ->
            new Ia3Config(
                or(targets, Ia3Config.PAPER.outputs()), or(inputTargets, Ia3Config.PAPER.inputs()));
        default ->
            throw new BadInput("--method: is \"" + name + "\"; must be one of " + PeftMethod.NAMES);
      };
    } catch (IllegalArgumentException e) {
      throw new BadInput("--" + (lora == null ? "method " : "") + e.getMessage());
    }
  }

  /** What the learning rate is when it is not given. */
  float learningRate() {
    return switch (name()) {
      case "full" -> 1e-4f;
      case "ia3", "prefix", "prompt" -> 3e-2f;
      default -> 1e-3f;
    };
  }

  private String name() {
    BadInput.unless(
        lora == null || method == null || method.equals("lora"),
        "--lora: is short for --method lora --rank; leave out --method " + method);
    BadInput.unless(lora == null || rank == null, "--lora: names the rank; leave out --rank");
    return method != null ? method : lora != null ? "lora" : "full";
  }

  private LoraConfig lora(boolean dora) {
    int r = lora != null ? lora : or(rank, 8);
    return new LoraConfig(
        r,
        or(alpha, 2f * r),
        or(dropout, 0f),
        or(targets, LoraConfig.ALL_PROJECTIONS),
        rankStabilised,
        dora);
  }

  private void refuseForeign(String name) {
    Map<String, Boolean> given = new LinkedHashMap<>();
    given.put("--rank", rank != null);
    given.put("--alpha", alpha != null);
    given.put("--rank-stabilised", rankStabilised);
    given.put("--dropout", dropout != null);
    given.put("--targets", targets != null);
    given.put("--input-targets", inputTargets != null);
    given.put("--size", size != null);
    given.put("--tokens", tokens != null);
    if (!PeftMethod.NAMES.contains(name)) return;
    Set<String> known = settings(name);
    given.forEach((option, is) -> {
      if (is && !known.contains(option))
        throw new BadInput(
            option + ": is no setting of " + name + "; it belongs to --method " + owners(option));
    });
  }

  private static Set<String> settings(String name) {
    return SETTINGS.getOrDefault(name, Set.of());
  }

  private static String owners(String option) {
    return String.join(
            " or ", PeftMethod.NAMES.stream().filter(n -> settings(n).contains(option)).toList())
        + (settings("lora").contains(option) ? ", or --lora RANK" : "");
  }

  private static <T> T or(@Nullable T given, T otherwise) {
    return given == null ? otherwise : given;
  }
}

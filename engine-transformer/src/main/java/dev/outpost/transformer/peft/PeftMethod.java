package dev.outpost.transformer.peft;

import java.util.List;

/**
 * What is trained of a model's adapter blocks, everything else being frozen: one of the published
 * methods, with its settings. {@link Attach} puts it on a model.
 */
public sealed interface PeftMethod
    permits PeftMethod.Full,
        PeftMethod.BitFit,
        LoraConfig,
        BottleneckConfig,
        PrefixConfig,
        PromptConfig,
        Ia3Config {
  /** Every method by its name. */
  List<String> NAMES =
      List.of("lora", "dora", "bottleneck", "prefix", "prompt", "ia3", "bitfit", "full");

  /** One of {@link #NAMES}. */
  String name();

  /** The name and the settings, for people. */
  default String describe() {
    String settings = toString();
    settings = settings.substring(settings.indexOf('['));
    return settings.equals("[]") ? name() : name() + settings;
  }

  /** Whether what is learnt can be added into the model's own weights: a plain model again. */
  default boolean merges() {
    return true;
  }

  /** Every parameter of the blocks. */
  record Full() implements PeftMethod {
    @Override
    public String name() {
      return "full";
    }
  }

  /**
   * Every vector of the blocks: biases (Ben Zaken et al. 2022) and, as in the code of
   * offsite-tuning (Xiao et al. 2023, param_efficient.py), the norms' weights.
   */
  record BitFit() implements PeftMethod {
    @Override
    public String name() {
      return "bitfit";
    }
  }
}

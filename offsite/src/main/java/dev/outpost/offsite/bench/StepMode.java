package dev.outpost.offsite.bench;

import dev.outpost.offsite.split.Split;
import dev.outpost.transformer.TransformerModel;
import dev.outpost.transformer.peft.Attach;
import dev.outpost.transformer.peft.LoraConfig;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import java.util.function.Predicate;

/**
 * What trains in a measured step, and on how much of the model.
 *
 * @param word as results name it
 * @param middle blocks kept between the first and the last two; {@link #WHOLE} keeps all
 * @param ends whether only the first two and the last two blocks train: offsite-tuning
 * @param lora whether rank 8 on the attention's input projection trains, instead of everything
 */
public record StepMode(String word, int middle, boolean ends, boolean lora) {
  /** Every block of the model is there. */
  public static final int WHOLE = -1;

  private static final int END = 2;

  /** Every parameter trains. */
  public static StepMode full() {
    return new StepMode("full", WHOLE, false, false);
  }

  /** LoRA on every block. */
  public static StepMode onlyLora() {
    return new StepMode("lora-r8", WHOLE, false, true);
  }

  /** Offsite-tuning around the uncompressed middle. */
  public static StepMode firstAndLast() {
    return new StepMode("ot-first2-last2", WHOLE, true, false);
  }

  /** Offsite-tuning around {@code middle} frozen blocks: the emulator's size, not its making. */
  public static StepMode emulator(int middle) {
    return new StepMode("emulator-2+" + middle + "+2", middle, true, false);
  }

  /** The same with LoRA on the blocks that train. */
  public static StepMode emulatorLora(int middle) {
    return new StepMode("emulator-2+" + middle + "+2-lora-r8", middle, true, true);
  }

  /** Whether a model of so many blocks can be measured like this. */
  boolean fits(int blocks) {
    return blocks >= (ends ? 2 * END : 1) + Math.max(0, middle);
  }

  /** The blocks kept, of all. */
  List<String> slots(List<String> all) {
    if (middle == WHOLE) return all;
    List<String> kept = new ArrayList<>(all.subList(0, END + middle));
    kept.addAll(all.subList(all.size() - END, all.size()));
    return kept;
  }

  /** Which of the model's own parameters train. */
  Predicate<String> trainable(List<String> all) {
    if (lora) return name -> false;
    if (!ends) return name -> true;
    Set<String> tuned = tuned(all);
    return name -> Split.owns(tuned, name);
  }

  /** The model with what this mode attaches. */
  TransformerModel attach(TransformerModel model, List<String> all) {
    if (!lora) return model;
    boolean fused = model.parameters().containsKey(all.getFirst() + ".attn.qkv.weight");
    List<String> inputs = fused ? List.of("attn.qkv") : List.of("attn.q", "attn.v");
    return Attach.lora(model, tuned(all), new LoraConfig(8, 16, 0, inputs), 42);
  }

  private Set<String> tuned(List<String> all) {
    if (!ends) return new HashSet<>(all);
    Set<String> tuned = new HashSet<>(all.subList(0, END));
    tuned.addAll(all.subList(all.size() - END, all.size()));
    return tuned;
  }
}

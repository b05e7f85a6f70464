package dev.outpost.offsite.report;

import dev.outpost.tensor.Tensor;
import dev.outpost.tensor.io.JsonObject;
import dev.outpost.tensor.kernel.Kernels;
import dev.outpost.tensor.memory.Workspace;
import dev.outpost.transformer.Slot;
import dev.outpost.transformer.TransformerModel;
import dev.outpost.transformer.train.Batch;
import dev.outpost.transformer.train.Examples;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/**
 * How alike the hidden states of emulator and full model are behind each block of the same name, by
 * {@link LinearCka} over all positions of the same text.
 *
 * @param bySlot from 0 to 1, in the emulator's order
 */
public record HiddenLikeness(Map<String, Double> bySlot) {
  /** Over at most {@code samples} examples. */
  public static HiddenLikeness of(
      TransformerModel full,
      TransformerModel emulated,
      Kernels kernels,
      Examples text,
      int samples) {
    List<String> fullSlots = full.slots().stream().map(Slot::name).toList();
    List<String> slots = emulated.slots().stream().map(Slot::name).toList();
    List<LinearCka.Pair> pairs = new ArrayList<>();
    for (int i = 0; i < slots.size(); i++)
      pairs.add(new LinearCka.Pair(fullSlots.indexOf(slots.get(i)), fullSlots.size() + i));
    LinearCka cka = LinearCka.of(kernels, pairs);
    Workspace workspace = new Workspace();
    int n = Math.min(samples, text.count());
    for (int i = 0; i < n; i++) {
      Batch batch = text.batch(new int[] {(int) ((long) i * text.count() / n)});
      List<Tensor> both =
          new ArrayList<>(HiddenStates.of(full, kernels, workspace, batch, Pooling.TOKENS));
      both.addAll(HiddenStates.of(emulated, kernels, workspace, batch, Pooling.TOKENS));
      cka.add(both);
    }
    Map<String, Double> bySlot = new LinkedHashMap<>();
    for (int i = 0; i < slots.size(); i++) bySlot.put(slots.get(i), cka.value(i));
    return new HiddenLikeness(bySlot);
  }

  /** One number per slot. */
  public JsonObject toJson() {
    JsonObject json = JsonObject.create();
    bySlot.forEach((slot, v) -> json.put(slot, Double.isNaN(v) ? null : v));
    return json;
  }
}

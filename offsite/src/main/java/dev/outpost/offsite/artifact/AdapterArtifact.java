package dev.outpost.offsite.artifact;

import dev.outpost.tensor.io.Checkpoint;
import dev.outpost.tensor.io.FormatException;
import dev.outpost.tensor.io.JsonObject;
import dev.outpost.tensor.io.SafetensorsWriter;
import dev.outpost.tensor.weight.HeapWeight;
import dev.outpost.tensor.weight.Weight;
import dev.outpost.transformer.TransformerModel;
import dev.outpost.transformer.peft.PeftMethod;
import java.io.IOException;
import java.nio.file.Path;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;

/**
 * What the data owner sends back: the tuned numbers by name, and a manifest with the fingerprint of
 * the base they belong to. A folder of {@code adapter.safetensors} and {@code manifest.json}. It
 * holds nothing of the data but what training left in the numbers.
 *
 * @param base fingerprint of the full model the package was made from
 * @param slots the slots that were tuned
 * @param method what was tuned of the slots, and how it was attached
 * @param tensors tuned values by name
 * @param provenance how it was tuned: data size, steps, seed, losses
 */
public record AdapterArtifact(
    BaseFingerprint base,
    Set<String> slots,
    PeftMethod method,
    Map<String, HeapWeight> tensors,
    JsonObject provenance) {
  /** What {@code manifest.json} says in its field {@code format}. */
  public static final String FORMAT = "outpost-adapter";

  private static final String WEIGHTS = "adapter.safetensors";

  public AdapterArtifact {
    slots = Collections.unmodifiableSet(new LinkedHashSet<>(slots));
    tensors = Collections.unmodifiableMap(new LinkedHashMap<>(tensors));
  }

  /** The trainable parameters of a tuned model, shared, as an artifact. */
  public static AdapterArtifact of(
      TransformerModel tuned,
      BaseFingerprint base,
      Set<String> slots,
      PeftMethod method,
      JsonObject provenance) {
    Map<String, HeapWeight> tensors = new LinkedHashMap<>();
    tuned.visit((name, p) -> {
      if (p.trainable()) tensors.put(name, (HeapWeight) p.weight());
    });
    if (tensors.isEmpty())
      throw new IllegalArgumentException("adapter: the model has no trainable parameter");
    return new AdapterArtifact(base, slots, method, tensors, provenance);
  }

  /** The same with other numbers, such as those of an earlier round. */
  public AdapterArtifact with(Map<String, HeapWeight> other) {
    return new AdapterArtifact(base, slots, method, other, provenance);
  }

  /**
   * Writes the artifact; the manifest with the digest comes last, so that a folder whose digest is
   * right is a whole artifact; on a full disk the old one stays.
   */
  public void write(Path folder) throws IOException {
    SafetensorsWriter.write(folder.resolve(WEIGHTS), tensors, null, Map.of("format", FORMAT));
    JsonObject m =
        Manifest.ofFolder(FORMAT, base, folder.resolve(WEIGHTS))
            .put("method", method.name())
            .put("slots", List.copyOf(slots));
    MethodFields.put(m, method);
    m.put("tensors", List.copyOf(tensors.keySet()))
        .put("provenance", provenance)
        .write(folder.resolve(Manifest.FILE));
  }

  /** Reads and checks an artifact: manifest, digest, names, finite values. */
  public static AdapterArtifact read(Path folder) throws IOException {
    JsonObject m = Manifest.read(folder, FORMAT, WEIGHTS);
    Set<String> listed = new LinkedHashSet<>(m.strings("tensors"));
    Map<String, HeapWeight> tensors = new LinkedHashMap<>();
    try (Checkpoint c = Checkpoint.ofFile(folder.resolve(WEIGHTS))) {
      if (!listed.equals(c.names()))
        throw m.wrong("tensors", "lists " + listed + ", but " + WEIGHTS + " holds " + c.names());
      for (String name : listed) {
        Weight w = c.weight(name);
        HeapWeight values = HeapWeight.of(w.toTensor());
        refuseNonFinite(folder, name, values);
        tensors.put(name, values);
      }
    }
    return new AdapterArtifact(
        Manifest.base(m),
        new LinkedHashSet<>(m.strings("slots")),
        MethodFields.read(m),
        tensors,
        m.object("provenance"));
  }

  private static void refuseNonFinite(Path folder, String name, HeapWeight w)
      throws FormatException {
    for (int i = 0; i < w.tensor().size(); i++) {
      if (!Float.isFinite(w.tensor().get(i)))
        throw new FormatException(
            folder.resolve(WEIGHTS)
                + ": tensor "
                + name
                + " holds "
                + w.tensor().get(i)
                + " at element "
                + i
                + "; an adapter must be finite. Its training diverged: tune again with a lower learning rate");
    }
  }
}

package dev.outpost.offsite.control;

import dev.outpost.tensor.Tensor;
import dev.outpost.tensor.io.FormatException;
import dev.outpost.tensor.io.JsonObject;
import dev.outpost.tensor.io.SafetensorsFile;
import dev.outpost.tensor.io.SafetensorsWriter;
import java.io.IOException;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.IntStream;

/**
 * A trained policy for so many devices and emulators: safetensors with what it is for as JSON in
 * the header.
 *
 * @param network trunk and heads
 * @param devices that it decides for
 * @param levels emulators that it chooses among
 * @param about how it came about
 */
public record Policy(PolicyNetwork network, int devices, int levels, JsonObject about) {
  private static final String FORMAT = "outpost-policy-1";
  // Nineteen times in twenty among eight emulators; seven times in eight.
  private static final float KEEP = 5;
  private static final float TAKE_PART = 2;
  private static final int MOST_DEVICES = 10_000;
  private static final int MOST_LEVELS = 10_000;

  public Policy {
    if (network.features() != Features.count(devices)
        || network.logits() != Branches.of(branches(devices, levels)).width())
      throw new IllegalArgumentException(
          "policy: a network of "
              + network.features()
              + " numbers and "
              + network.logits()
              + " logits does not fit "
              + devices
              + " devices and "
              + levels
              + " emulators");
  }

  /** Two decisions for each device: which emulator, and whether it takes part (1) or not (0). */
  static List<Integer> branches(int devices, int levels) {
    return IntStream.range(0, 2 * devices).mapToObj(b -> b % 2 == 0 ? levels : 2).toList();
  }

  /**
   * What a policy starts from, the federation without control: everybody takes part, and who holds
   * an emulator keeps it. Without it every round of a fresh policy hands out most emulators anew,
   * and learning to stop that leaves little chance to find out which is worth holding.
   */
  static float[] prior(Observation o, int levels) {
    float[] prior = new float[o.devices().size() * (levels + 2)];
    for (int i = 0; i < o.devices().size(); i++) {
      int from = i * (levels + 2);
      int holding = o.devices().get(i).holding();
      if (holding != Observation.NONE && holding < levels) prior[from + holding] = KEEP;
      prior[from + levels + 1] = TAKE_PART;
    }
    return prior;
  }

  /** What the choices of all branches mean. */
  static Decision decision(int[] choices) {
    return new Decision(
        IntStream.range(0, choices.length / 2)
            .mapToObj(i -> new Decision.Choice(choices[2 * i + 1] == 1, choices[2 * i]))
            .toList());
  }

  /** Writes the file, whole or not at all. */
  public void write(Path file) throws IOException {
    SafetensorsWriter.write(
        file,
        network.weights(),
        null,
        Map.of(
            "format",
            FORMAT,
            "policy",
            JsonObject.create()
                .put("devices", devices)
                .put("levels", levels)
                .put("about", about)
                .toLine()));
  }

  /**
   * Reads a file.
   *
   * @throws FormatException when it is no policy, or its tensors do not fit what it says of itself
   */
  public static Policy read(Path file) throws IOException {
    try (SafetensorsFile f = SafetensorsFile.open(file)) {
      if (!FORMAT.equals(f.metadata().get("format")))
        throw new FormatException(
            file + ": is no policy of this version of Outpost; outpost control train writes them");
      JsonObject said =
          JsonObject.parse(file + " policy", f.metadata().getOrDefault("policy", "{}"));
      Map<String, Tensor> values = new LinkedHashMap<>();
      for (String name : f.names()) {
        Tensor t = f.weight(name).toTensor();
        for (int i = 0; i < t.size(); i++)
          if (!Float.isFinite(t.get(i)))
            throw new FormatException(
                file + ": tensor " + name + " holds " + t.get(i) + " at element " + i);
        values.put(name, t);
      }
      try {
        return new Policy(
            PolicyNetwork.of(values),
            said.integer("devices", 1, MOST_DEVICES),
            said.integer("levels", 1, MOST_LEVELS),
            said.object("about"));
      } catch (IllegalArgumentException e) {
        throw new FormatException(file + ": " + e.getMessage(), e);
      }
    }
  }
}

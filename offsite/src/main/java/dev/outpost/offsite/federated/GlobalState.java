package dev.outpost.offsite.federated;

import dev.outpost.tensor.Tensor;
import dev.outpost.tensor.io.FormatException;
import dev.outpost.tensor.io.JsonObject;
import dev.outpost.tensor.io.SafetensorsFile;
import dev.outpost.tensor.io.SafetensorsWriter;
import dev.outpost.tensor.weight.HeapWeight;
import java.io.IOException;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * All that the rounds so far have led to. On disk it is one file, so that no moment exists in which
 * its parts disagree.
 *
 * @param round rounds done
 * @param values the global adapter
 * @param memory the server optimizer's
 * @param control the server's control variate; null without SCAFFOLD
 */
public record GlobalState(
    int round,
    AdapterValues values,
    ServerOptimizer.Memory memory,
    @Nullable AdapterValues control) {
  private static final String FORMAT = "outpost-federation-1";

  /** Before the first round. */
  public static GlobalState start(
      AdapterValues values, AdapterValues optimized, ServerOptimizer optimizer, boolean scaffold) {
    return new GlobalState(0, values, optimizer.start(optimized), scaffold ? values.zeros() : null);
  }

  /**
   * Writes the state with what is told about its last round.
   *
   * @param identity what another run must share to read it, such as the plan's digest
   */
  public void write(Path file, String identity, JsonObject report) throws IOException {
    Map<String, HeapWeight> all = new LinkedHashMap<>();
    put(all, "value/", values);
    put(all, "first/", memory.first());
    put(all, "second/", memory.second());
    if (control != null) put(all, "control/", control);
    SafetensorsWriter.write(
        file,
        all,
        null,
        Map.of(
            "format",
            FORMAT,
            "identity",
            identity,
            "round",
            "" + round,
            "optimizer_rounds",
            "" + memory.rounds(),
            "report",
            report.toLine()));
  }

  private static void put(Map<String, HeapWeight> all, String prefix, AdapterValues values) {
    values.tensors().forEach((name, t) -> all.put(prefix + name, HeapWeight.of(t)));
  }

  /** A state and what was told about its last round. */
  public record Stored(GlobalState state, JsonObject report) {}

  /**
   * Reads what {@link #write} wrote.
   *
   * @throws FormatException when it is of another identity
   */
  public static Stored read(Path file, String identity) throws IOException {
    try (SafetensorsFile f = SafetensorsFile.open(file)) {
      Map<String, String> m = f.metadata();
      if (!FORMAT.equals(m.get("format")))
        throw new FormatException(file + ": is no state of a federation");
      if (!identity.equals(m.get("identity")))
        throw new FormatException(
            file + ": belongs to a federation of another plan; start anew in another folder");
      Map<String, Map<String, Tensor>> parts = new LinkedHashMap<>();
      for (String name : f.names()) {
        int cut = name.indexOf('/');
        parts
            .computeIfAbsent(name.substring(0, Math.max(0, cut)), p -> new LinkedHashMap<>())
            .put(name.substring(cut + 1), f.weight(name).toTensor());
      }
      Map<String, Tensor> none = Map.of();
      AdapterValues control =
          parts.containsKey("control") ? new AdapterValues(parts.get("control")) : null;
      GlobalState state =
          new GlobalState(
              Integer.parseInt(m.getOrDefault("round", "")),
              new AdapterValues(parts.getOrDefault("value", none)),
              new ServerOptimizer.Memory(
                  Integer.parseInt(m.getOrDefault("optimizer_rounds", "")),
                  new AdapterValues(parts.getOrDefault("first", none)),
                  new AdapterValues(parts.getOrDefault("second", none))),
              control);
      return new Stored(state, JsonObject.parse(file + " report", m.getOrDefault("report", "{}")));
    } catch (NumberFormatException e) {
      throw new FormatException(file + ": names no round; the file is damaged", e);
    }
  }
}

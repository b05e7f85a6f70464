package dev.outpost.offsite.federated;

import dev.outpost.offsite.artifact.BaseFingerprint;
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

/**
 * An update as a file: its numbers, and of which federation, base, round and party it is. One
 * digest over the file binds them all.
 *
 * @param federation name
 * @param base fingerprint of the model that the package was made from
 * @param update what is handed in
 */
public record UpdateFile(String federation, BaseFingerprint base, Update update) {
  private static final String FORMAT = "outpost-update-1";
  private static final String VALUE = "value/";
  private static final String CONTROL = "control/";

  /** Writes it; the file is the old one or the whole new one. */
  public void write(Path file) throws IOException {
    Map<String, HeapWeight> all = new LinkedHashMap<>();
    update.values().tensors().forEach((name, t) -> all.put(VALUE + name, HeapWeight.of(t)));
    AdapterValues control = update.control();
    if (control != null)
      control.tensors().forEach((name, t) -> all.put(CONTROL + name, HeapWeight.of(t)));
    JsonObject header =
        JsonObject.create()
            .put("federation", federation)
            .put("base_fingerprint", base.sha256())
            .put("round", update.round())
            .put("client", update.client())
            .put("samples", update.samples())
            .put("lora_scale", Float.toString(update.loraScale()))
            .put("loss_before", Double.toString(update.lossBefore()))
            .put("loss_after", Double.toString(update.lossAfter()))
            .put("control", control != null);
    SafetensorsWriter.write(file, all, null, Map.of("format", FORMAT, "update", header.toLine()));
  }

  /**
   * Reads what anyone may have written.
   *
   * @throws FormatException when it is no update, with the reason; whether its numbers may be used
   *     is for {@link UpdateCheck}
   */
  public static UpdateFile read(Path file) throws IOException {
    try (SafetensorsFile f = SafetensorsFile.open(file)) {
      if (!FORMAT.equals(f.metadata().get("format")))
        throw new FormatException("update: the file is no update of this version of Outpost");
      JsonObject h = JsonObject.parse("update", f.metadata().getOrDefault("update", ""));
      Map<String, Tensor> values = new LinkedHashMap<>();
      Map<String, Tensor> control = new LinkedHashMap<>();
      for (String name : f.names()) {
        Tensor t = f.weight(name).toTensor();
        if (name.startsWith(VALUE)) values.put(name.substring(VALUE.length()), t);
        else if (name.startsWith(CONTROL)) control.put(name.substring(CONTROL.length()), t);
        else throw new FormatException("update: holds a tensor " + name + ", which has no place");
      }
      if (h.bool("control", false) != !control.isEmpty())
        throw new FormatException("update: says otherwise of a control variate than it holds");
      Update update =
          new Update(
              ClientName.require(h.string("client")),
              h.integer("round", 1, Integer.MAX_VALUE),
              h.integer("samples"),
              (float) decimal(h, "lora_scale"),
              new AdapterValues(values),
              control.isEmpty() ? null : new AdapterValues(control),
              decimal(h, "loss_before"),
              decimal(h, "loss_after"));
      return new UpdateFile(
          h.string("federation"), new BaseFingerprint(h.string("base_fingerprint")), update);
    } catch (IllegalArgumentException e) {
      throw new FormatException("update: " + e.getMessage(), e);
    }
  }

  private static double decimal(JsonObject h, String field) throws FormatException {
    try {
      return Double.parseDouble(h.string(field));
    } catch (NumberFormatException e) {
      throw h.wrong(field, "must be a number");
    }
  }
}

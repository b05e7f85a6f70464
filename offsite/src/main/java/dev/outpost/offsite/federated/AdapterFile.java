package dev.outpost.offsite.federated;

import dev.outpost.tensor.Tensor;
import dev.outpost.tensor.io.FormatException;
import dev.outpost.tensor.io.SafetensorsFile;
import dev.outpost.tensor.io.SafetensorsWriter;
import java.io.IOException;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.Map;

/** An adapter's values as a file of safetensors that says nothing else: same values, same bytes. */
public final class AdapterFile {
  private static final String FORMAT = "outpost-adapter-values";

  private AdapterFile() {}

  /** Writes the values; the file is the old one or the whole new one. */
  public static void write(Path file, AdapterValues values) throws IOException {
    SafetensorsWriter.write(file, values.weights(), null, Map.of("format", FORMAT));
  }

  /** Reads values that {@link #write} wrote. */
  public static AdapterValues read(Path file) throws IOException {
    try (SafetensorsFile f = SafetensorsFile.open(file)) {
      if (!FORMAT.equals(f.metadata().get("format")))
        throw new FormatException(file + ": holds no values of an adapter");
      Map<String, Tensor> values = new LinkedHashMap<>();
      for (String name : f.names()) values.put(name, f.weight(name).toTensor());
      return new AdapterValues(values);
    }
  }
}

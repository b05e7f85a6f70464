package dev.outpost;

import dev.outpost.transformer.hub.HubCache;
import dev.outpost.transformer.hub.HubSettings;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;

/** Where a program begins: {@code LanguageModel model = Outpost.load(path)}. */
public final class Outpost {
  private Outpost() {}

  /**
   * Opens a model and its tokenizer: a Hugging Face folder, a GGUF file, or the name of a model
   * that was pulled from a hub, such as {@code owner/name}. Weights stay in their files and are
   * read in place, so this takes little time and memory however large the model is.
   *
   * @throws dev.outpost.tensor.io.FormatException when something does not fit, naming file, field
   *     and rule, or when the model reads images; nothing stays open then
   */
  public static LanguageModel load(Path path) throws IOException {
    return load(path, Compute.allThreads());
  }

  /**
   * The same on so many threads. Results do not depend on their number.
   *
   * @param threads to compute on, the caller's included
   */
  public static LanguageModel load(Path path, int threads) throws IOException {
    return load(path, Compute.threads(threads));
  }

  /**
   * The same on a device. Its results are equal to the processor's to rounding.
   *
   * @throws dev.outpost.tensor.kernel.DeviceException when the device is not there or does not
   *     start, with the cause and the cure
   */
  public static LanguageModel load(Path path, Compute compute) throws IOException {
    Path found = Files.exists(path) ? path : HubCache.of(HubSettings.ofEnvironment()).locate(path);
    return LanguageModel.open(found, compute);
  }
}

package dev.outpost.offsite.app;

import dev.outpost.offsite.artifact.AdapterArtifact;
import dev.outpost.offsite.artifact.BaseFingerprint;
import dev.outpost.offsite.artifact.PlugIn;
import dev.outpost.offsite.live.LiveView;
import dev.outpost.tensor.io.FormatException;
import dev.outpost.tensor.io.JsonObject;
import dev.outpost.tensor.kernel.Kernels;
import dev.outpost.transformer.TransformerModel;
import dev.outpost.transformer.load.ModelFolder;
import dev.outpost.transformer.run.Perplexity;
import dev.outpost.transformer.text.Tokenizer;
import dev.outpost.transformer.train.Blocks;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.Locale;
import org.jspecify.annotations.Nullable;

/** The owner's own view of a federation: each round's adapter in the full model, on a text. */
final class PlugInMeasure implements AutoCloseable {
  private static final int BATCH = 4;

  private final Console console;
  private final Kernels kernels;
  private final @Nullable ModelFolder folder;
  private final @Nullable BaseFingerprint base;
  private final @Nullable Blocks text;
  private final Path kept;
  private final LiveView view;

  private PlugInMeasure(
      Console console,
      Kernels kernels,
      @Nullable ModelFolder folder,
      @Nullable BaseFingerprint base,
      @Nullable Blocks text,
      Path kept,
      LiveView view) {
    this.console = console;
    this.kernels = kernels;
    this.folder = folder;
    this.base = base;
    this.text = text;
    this.kept = kept;
    this.view = view;
  }

  /**
   * Measures nothing where there is no model.
   *
   * @param kept a line for each measurement; those of an earlier process are shown again
   */
  static PlugInMeasure of(
      Console console,
      @Nullable Path model,
      @Nullable Path text,
      Kernels kernels,
      Path kept,
      LiveView view)
      throws IOException {
    if (model == null || text == null)
      return new PlugInMeasure(console, kernels, null, null, null, kept, view);
    Path located = ModelOptions.located(model);
    ModelFolder folder = ModelFolder.open(located);
    try {
      TransformerModel full = folder.model();
      Tokenizer tokenizer = ModelOptions.tokenizer(located, full);
      int block = Math.min(full.spec().context(), 512);
      Blocks blocks = Corpus.read(text, "**").blocks(tokenizer, block);
      return new PlugInMeasure(
          console, kernels, folder, BaseFingerprint.of(full), blocks, kept, view);
    } catch (IOException | RuntimeException e) {
      folder.close();
      throw e;
    }
  }

  /** The model's fingerprint; null where there is none. */
  @Nullable BaseFingerprint base() {
    return base;
  }

  /** Shows what an earlier process measured; a line that a crash cut short is passed over. */
  void restore() throws IOException {
    if (!Files.exists(kept)) return;
    for (String line : Files.readAllLines(kept)) {
      try {
        JsonObject o = JsonObject.parse(kept.toString(), line);
        double perplexity = o.number("perplexity", Double.NaN);
        view.measured(o.integer("round", 0, Integer.MAX_VALUE), perplexity);
      } catch (FormatException e) {
        console.note(String.valueOf(e.getMessage()));
      }
    }
  }

  /** Tells the perplexity of the full model with this adapter. */
  void tell(int round, AdapterArtifact adapter, double lossAfter) throws Exception {
    if (folder == null || base == null || text == null) return;
    TransformerModel plugged = PlugIn.apply(folder.model(), base, adapter);
    double loss =
        Perplexity.of(plugged, kernels, kernels.memory().workspace(), text, BATCH).meanLoss();
    double perplexity = Math.exp(loss);
    view.measured(round, perplexity);
    String line =
        JsonObject.create().put("round", round).put("perplexity", perplexity).toLine() + "\n";
    Files.writeString(kept, line, StandardOpenOption.CREATE, StandardOpenOption.APPEND);
    console.say(
        String.format(
            Locale.ROOT,
            "%s: the plugged-in model's perplexity is %.3f",
            round == 0 ? "before the first round" : "after round " + round,
            perplexity));
    console.emit(
        JsonObject.create()
            .put("event", "plug-in")
            .put("round", round)
            .put("perplexity", perplexity)
            .put("parties_loss_after", lossAfter));
  }

  @Override
  public void close() throws IOException {
    if (folder != null) folder.close();
  }
}

package dev.outpost.offsite.app;

import dev.outpost.offsite.artifact.AdapterArtifact;
import dev.outpost.offsite.artifact.BaseFingerprint;
import dev.outpost.offsite.artifact.PlugIn;
import dev.outpost.tensor.io.JsonObject;
import dev.outpost.tensor.kernel.Kernels;
import dev.outpost.tensor.memory.Workspace;
import dev.outpost.transformer.TransformerModel;
import dev.outpost.transformer.load.ModelFolder;
import dev.outpost.transformer.run.Perplexity;
import dev.outpost.transformer.text.Tokenizer;
import dev.outpost.transformer.train.Blocks;
import java.io.IOException;
import java.nio.file.Path;
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

  private PlugInMeasure(
      Console console,
      Kernels kernels,
      @Nullable ModelFolder folder,
      @Nullable BaseFingerprint base,
      @Nullable Blocks text) {
    this.console = console;
    this.kernels = kernels;
    this.folder = folder;
    this.base = base;
    this.text = text;
  }

  /** Measures nothing where there is no model. */
  static PlugInMeasure of(
      Console console, @Nullable Path model, @Nullable Path text, Kernels kernels)
      throws IOException {
    if (model == null || text == null) return new PlugInMeasure(console, kernels, null, null, null);
    Path located = ModelOptions.located(model);
    ModelFolder folder = ModelFolder.open(located);
    try {
      TransformerModel full = folder.model();
      Tokenizer tokenizer = ModelOptions.tokenizer(located, full);
      int block = Math.min(full.spec().context(), 512);
      Blocks blocks = Corpus.read(text, "**").blocks(tokenizer, block);
      return new PlugInMeasure(console, kernels, folder, BaseFingerprint.of(full), blocks);
    } catch (IOException | RuntimeException e) {
      folder.close();
      throw e;
    }
  }

  /** The model's fingerprint; null where there is none. */
  @Nullable BaseFingerprint base() {
    return base;
  }

  /** Tells the perplexity of the full model with this adapter. */
  void tell(int round, AdapterArtifact adapter, double lossAfter) throws Exception {
    if (folder == null || base == null || text == null) return;
    TransformerModel plugged = PlugIn.apply(folder.model(), base, adapter);
    double loss = Perplexity.of(plugged, kernels, new Workspace(), text, BATCH).meanLoss();
    console.say(
        String.format(
            Locale.ROOT,
            "%s: the plugged-in model's perplexity is %.3f",
            round == 0 ? "before the first round" : "after round " + round,
            Math.exp(loss)));
    console.emit(
        JsonObject.create()
            .put("event", "plug-in")
            .put("round", round)
            .put("perplexity", Math.exp(loss))
            .put("parties_loss_after", lossAfter));
  }

  @Override
  public void close() throws IOException {
    if (folder != null) folder.close();
  }
}

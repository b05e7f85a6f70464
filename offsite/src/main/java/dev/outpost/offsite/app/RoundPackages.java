package dev.outpost.offsite.app;

import dev.outpost.offsite.emulator.Realign;
import dev.outpost.offsite.emulator.StepTraining;
import dev.outpost.offsite.emulator.Workshop;
import dev.outpost.offsite.federated.EmulatorSource;
import dev.outpost.offsite.federated.Realignment;
import dev.outpost.tensor.kernel.Kernels;
import dev.outpost.transformer.TransformerModel;
import dev.outpost.transformer.load.ModelFolder;
import dev.outpost.transformer.text.Tokenizer;
import dev.outpost.transformer.train.Progress;
import dev.outpost.transformer.train.TrainingPlan;
import java.io.IOException;
import java.nio.file.Path;
import org.jspecify.annotations.Nullable;

/**
 * Where a federation's packages come from: the plan's, or aligned anew before each round.
 *
 * @param folder the open model that they are aligned to; null when they stay as they are
 */
record RoundPackages(EmulatorSource source, @Nullable ModelFolder folder) implements AutoCloseable {
  private static final int BATCH = 4;
  private static final float RATE = 1e-4f;

  static RoundPackages of(
      Console console,
      @Nullable Path model,
      @Nullable Path text,
      @Nullable Integer steps,
      Path out,
      Kernels kernels,
      long seed)
      throws IOException {
    if (model == null || text == null || steps == null)
      return new RoundPackages(EmulatorSource.FIXED, null);
    Path located = ModelOptions.located(model);
    ModelFolder folder = ModelFolder.open(located);
    try {
      TransformerModel full = folder.model();
      Tokenizer tokenizer = ModelOptions.tokenizer(located, full);
      int block = Math.min(full.spec().context(), 512);
      Realign paper = Realign.paper();
      Realign realign =
          new Realign(paper.hidden(), paper.lambda(), steps, StepTraining.of(steps, RATE));
      Workshop shop =
          new Workshop(
              kernels,
              Corpus.read(text, "**").blocks(tokenizer, block),
              null,
              TrainingPlan.of(steps, BATCH, RATE, seed),
              null,
              run -> note(console));
      return new RoundPackages(
          new Realignment(full, realign, shop, out.resolve("packages")), folder);
    } catch (IOException | RuntimeException e) {
      folder.close();
      throw e;
    }
  }

  private static Progress note(Console console) {
    return new Progress() {
      @Override
      public void step(Step s) {
        if (s.step() == s.steps())
          console.note(
              String.format(
                  java.util.Locale.ROOT, "an emulator is aligned anew, loss %.4f", s.loss()));
      }
    };
  }

  @Override
  public void close() throws IOException {
    if (folder != null) folder.close();
  }
}

package dev.outpost.bench.base;

import dev.outpost.offsite.artifact.BaseFingerprint;
import dev.outpost.offsite.emulator.Distil;
import dev.outpost.offsite.emulator.Draft;
import dev.outpost.offsite.emulator.EmulatorRecipe;
import dev.outpost.offsite.emulator.LayerDrop;
import dev.outpost.offsite.emulator.StoppedException;
import dev.outpost.offsite.emulator.Workshop;
import dev.outpost.offsite.split.Split;
import dev.outpost.tensor.io.JsonObject;
import dev.outpost.tensor.kernel.Kernels;
import dev.outpost.tensor.kernel.Team;
import dev.outpost.tensor.memory.Workspace;
import dev.outpost.transformer.TransformerModel;
import dev.outpost.transformer.load.ModelFolder;
import dev.outpost.transformer.run.Perplexity;
import dev.outpost.transformer.text.Tokenizer;
import dev.outpost.transformer.text.TokenizerFiles;
import dev.outpost.transformer.train.Blocks;
import dev.outpost.transformer.train.TrainingPlan;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.Arrays;
import java.util.List;
import java.util.stream.Stream;
import java.util.zip.CRC32;

/**
 * Perplexity against retained layers, which FedPEAT's controller chooses by: for each number of
 * middle blocks that the uniform layer drop keeps, the emulator's perplexity on held-back public
 * text, undistilled or after some steps of distillation.
 *
 * <p>{@code RetainedLayers MODEL TEXT BOTTOM TOP STEPS OUT.jsonl [BATCH RATE]}: TEXT is a folder,
 * cut as {@code outpost pretrain --validation 0.01} cuts it, so that the held-back part is none
 * that the base learned from. One thread; one JSON line per emulator is appended.
 */
public final class RetainedLayers {
  private static final int HELD = 100;
  private static final int OF = 10_000;
  private static final int SEED = 1;

  private RetainedLayers() {}

  /** See the class for the arguments. */
  public static void main(String[] args) throws IOException, StoppedException {
    int steps = Integer.parseInt(args[4]);
    int batch = args.length > 6 ? Integer.parseInt(args[6]) : 4;
    float rate = args.length > 7 ? Float.parseFloat(args[7]) : 1e-4f;
    try (Team team = Team.of(1);
        ModelFolder folder = ModelFolder.open(Path.of(args[0]))) {
      TransformerModel full = folder.model();
      Tokenizer tokenizer = TokenizerFiles.load(Path.of(args[0]));
      int context = full.spec().context();
      Blocks held = blocks(Path.of(args[1]), tokenizer, context, HELD, true);
      Workshop shop = Workshop.of(Kernels.best(team), SEED);
      // No validation: the held-back text is what is measured.
      if (steps > 0)
        shop =
            shop.withText(blocks(Path.of(args[1]), tokenizer, context, HELD, false), null)
                .with(TrainingPlan.of(steps, batch, rate, SEED));
      String base = BaseFingerprint.of(full).sha256();
      Split split = Split.sandwich(full, Integer.parseInt(args[2]), Integer.parseInt(args[3]));
      int middle = split.middle().size();
      for (int keep = 1; keep <= middle; keep++) {
        EmulatorRecipe recipe =
            EmulatorRecipe.parse(args[2] + "-" + args[3]).then(new LayerDrop(keep));
        if (steps > 0) recipe = recipe.then(Distil.paper());
        long start = System.nanoTime();
        Draft draft = recipe.make(full, shop);
        double seconds = (System.nanoTime() - start) / 1e9;
        Perplexity p = Perplexity.of(draft.model(), shop.kernels(), new Workspace(), held, 8);
        JsonObject line =
            JsonObject.create()
                .put("bench", "retained-layers")
                .put("split", args[2] + "-" + keep + "-" + args[3])
                .put("kept", keep)
                .put("of", middle)
                .put("blocks", draft.middle().stream().map(Split::index).toList())
                .put("parameters", draft.model().count(false))
                .put("full_parameters", full.count(false))
                .put("distill_steps", steps)
                .put("batch", steps > 0 ? batch : 0)
                .put("learning_rate", steps > 0 ? rate : 0)
                .put("loss", p.meanLoss())
                .put("standard_error", p.standardError())
                .put("perplexity", p.value())
                .put("tokens", p.tokens())
                .put("seed", SEED)
                .put("make_seconds", Math.round(seconds * 10) / 10.0)
                .put("base", base.substring(0, 12))
                .put("commit", System.getProperty("outpost.commit", "unknown"))
                .put("kernels", shop.kernels().name());
        System.out.println(line.toLine());
        Files.write(
            Path.of(args[5]),
            List.of(line.toLine()),
            StandardOpenOption.CREATE,
            StandardOpenOption.APPEND);
      }
    }
  }

  /** The documents that are held back, a share of 10,000, or the others, as one stream. */
  static Blocks blocks(Path folder, Tokenizer tokenizer, int length, int share, boolean held)
      throws IOException {
    List<Path> files;
    try (Stream<Path> walk = Files.walk(folder)) {
      files = walk.filter(Files::isRegularFile).sorted().toList();
    }
    int[] all = new int[1024];
    int n = 0;
    for (Path file : files) {
      String text = Files.readString(file);
      if (text.isBlank() || isHeld(text, share) != held) continue;
      int[] ids = tokenizer.encode(text, true);
      while (n + ids.length + 1 > all.length) all = Arrays.copyOf(all, 2 * all.length);
      System.arraycopy(ids, 0, all, n, ids.length);
      n += ids.length;
      if (tokenizer.endOfText().isPresent()) all[n++] = tokenizer.endOfText().getAsInt();
    }
    return Blocks.of(Arrays.copyOf(all, n), length);
  }

  private static boolean isHeld(String text, int share) {
    CRC32 crc = new CRC32();
    crc.update(text.getBytes(StandardCharsets.UTF_8));
    return crc.getValue() % OF < share;
  }
}

package dev.outpost.transformer;

import dev.outpost.autograd.Tape;
import dev.outpost.autograd.Var;
import dev.outpost.tensor.DType;
import dev.outpost.tensor.Tensor;
import dev.outpost.tensor.io.SafetensorsFile;
import dev.outpost.tensor.io.SafetensorsWriter;
import dev.outpost.tensor.kernel.Kernels;
import dev.outpost.tensor.kernel.Team;
import dev.outpost.tensor.memory.Workspace;
import dev.outpost.tensor.weight.HeapWeight;
import dev.outpost.transformer.load.ModelFolder;
import dev.outpost.transformer.module.KvCache;
import dev.outpost.transformer.module.Pass;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Locale;
import java.util.Map;

/** The engine's half of {@code fullsize/full_size.py}, which says how to run it. */
final class FullSizeCheck {
  private FullSizeCheck() {}

  /**
   * Takes one model folder; writes {@code engine.safetensors} into it, and, unless a second
   * argument says otherwise, the model again as its siblings {@code …-as-…}. Prints how long
   * opening took and what the process then held.
   */
  public static void main(String[] arguments) throws IOException {
    Path path = Path.of(arguments[0]);
    long start = System.nanoTime();
    try (Team team = Team.ofAllProcessors();
        ModelFolder folder = ModelFolder.open(path);
        SafetensorsFile reference = SafetensorsFile.open(path.resolve("reference.safetensors"))) {
      long opened = System.nanoTime();
      System.out.printf(
          Locale.ROOT,
          "%s: %,d parameters, opened in %d ms; %s%n",
          path.getFileName(),
          folder.model().count(false),
          (opened - start) / 1_000_000,
          memory());
      Tensor stored = reference.weight("ids").toTensor();
      int[] ids = new int[stored.size()];
      for (int i = 0; i < ids.length; i++) ids[i] = (int) stored.get(i);
      Kernels kernels = Kernels.best(team);
      Pass pass = Pass.of(Tape.evaluating(kernels, new Workspace()), 1, ids.length);
      Tensor logits = folder.model().logits(pass, folder.model().hidden(pass, ids), 0, ids.length);
      Tensor decoded = decoded(folder.model(), kernels, ids);
      System.out.println(path.getFileName() + ": after the logits; " + memory());
      SafetensorsWriter.write(
          path.resolve("engine.safetensors"),
          Map.of("logits", HeapWeight.of(logits), "decoded", HeapWeight.of(decoded)),
          null,
          Map.of());
      if (arguments.length > 1) return;
      ModelFolder.write(sibling(path, "own"), folder.model(), folder.config(), null);
      for (DType type : DType.plain())
        ModelFolder.write(
            sibling(path, type.name().toLowerCase(Locale.ROOT)),
            folder.model(),
            folder.config(),
            type);
    }
  }

  /** The same scores with one token at a time over a key/value cache. */
  private static Tensor decoded(TransformerModel model, Kernels kernels, int[] ids) {
    Tensor all = Tensor.zeros(ids.length, model.spec().vocabularySize());
    KvCache cache = KvCache.of(kernels, 1, ids.length);
    for (int t = 0; t < ids.length; t++) {
      Pass pass = Pass.of(Tape.evaluating(kernels, new Workspace()), 1, 1).with(cache);
      Var hidden = model.hidden(pass, new int[] {ids[t]});
      all.slice(t, t + 1).copyFrom(model.logits(pass, hidden, 0, 1));
    }
    return all;
  }

  /** What the system counts: all that is resident, and the part of it that is no file. */
  private static String memory() throws IOException {
    StringBuilder said = new StringBuilder();
    for (String line : Files.readAllLines(Path.of("/proc/self/status")))
      if (line.startsWith("VmRSS") || line.startsWith("RssAnon"))
        said.append(line.replaceAll("\\s+", " ")).append(' ');
    return said.toString().strip();
  }

  private static Path sibling(Path path, String type) {
    return path.resolveSibling(path.getFileName() + "-as-" + type);
  }
}

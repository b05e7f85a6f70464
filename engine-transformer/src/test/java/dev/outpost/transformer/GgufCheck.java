package dev.outpost.transformer;

import dev.outpost.autograd.Tape;
import dev.outpost.tensor.DType;
import dev.outpost.tensor.Tensor;
import dev.outpost.tensor.io.SafetensorsWriter;
import dev.outpost.tensor.kernel.Kernels;
import dev.outpost.tensor.memory.Workspace;
import dev.outpost.tensor.weight.HeapWeight;
import dev.outpost.transformer.load.GgufExport;
import dev.outpost.transformer.load.ModelFolder;
import dev.outpost.transformer.module.Pass;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Map;

/** The engine's half of {@code golden/reopen_gguf.py}, which says how to run it. */
final class GgufCheck {
  private GgufCheck() {}

  /** Writes every golden that GGUF can hold below the folder named, and what it computes. */
  public static void main(String[] arguments) throws IOException {
    Path out = Files.createDirectories(Path.of(arguments[0]));
    for (String name : TinyFamilies.NAMES) {
      try (ModelFolder source = TinyFamilies.open(name, out)) {
        Path file = out.resolve(name + ".gguf");
        GgufExport.write(
            file,
            source.model(),
            source.config(),
            name,
            Map.of("tokenizer.ggml.model", "no_vocab"),
            DType.F32,
            (done, all) -> {});
        try (ModelFolder read = ModelFolder.open(file)) {
          SafetensorsWriter.write(
              out.resolve(name + ".safetensors"),
              Map.of("logits", HeapWeight.of(logits(read.model()))),
              null,
              Map.of());
        }
      }
    }
  }

  /** Of tokens 1, 4, 7, …, fifteen of them. */
  private static Tensor logits(TransformerModel model) {
    int[] ids = new int[15];
    for (int i = 0; i < ids.length; i++) ids[i] = 1 + 3 * i;
    Pass pass = Pass.of(Tape.evaluating(Kernels.scalar(), new Workspace()), 1, ids.length);
    return model.logits(pass, model.hidden(pass, ids), 0, ids.length);
  }
}

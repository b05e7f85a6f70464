package dev.outpost.offsite.bench;

import dev.outpost.tensor.DType;
import dev.outpost.tensor.Shape;
import dev.outpost.tensor.Tensor;
import dev.outpost.tensor.weight.HeapWeight;
import dev.outpost.transformer.Spec;
import dev.outpost.transformer.TransformerModel;
import dev.outpost.transformer.family.Llama;
import dev.outpost.transformer.load.GgufExport;
import dev.outpost.transformer.load.ModelFactory;
import dev.outpost.transformer.module.Parameter;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.function.Predicate;

/**
 * A Llama with random numbers in a temporary GGUF file, read in place as a user's file is; the file
 * is gone after {@link Open#close}.
 *
 * @param spec whose rows turn as neighbours
 * @param stored type of the matrices
 */
record StoredSubject(String name, Spec spec, DType stored) implements Subject {
  @Override
  public Open open(List<String> slots, Predicate<String> trainable) throws IOException {
    Path file = Files.createTempFile("outpost-bench-", ".gguf");
    try {
      // All blocks hold the same numbers, each in its own place of the file: the heap needs one.
      Map<String, Parameter> made = new HashMap<>();
      GgufExport.write(
          file,
          ModelFactory.build(
              spec,
              (path, shape) ->
                  made.computeIfAbsent(
                      path.replaceFirst("blocks\\.\\d+", "blocks"), key -> random(key, shape))),
          new Llama().write(spec, 0),
          name,
          Map.of(),
          stored,
          (done, all) -> {});
      return new Opened(new Folder(name, spec, file).open(slots, trainable), file);
    } catch (IOException | RuntimeException e) {
      Files.deleteIfExists(file);
      throw e;
    }
  }

  private static Parameter random(String path, Shape shape) {
    float[] x = new float[shape.size()];
    if (shape.rank() == 1) Arrays.fill(x, 1);
    else Noise.fill(x, 0.07f, path.hashCode());
    return Parameter.frozen(HeapWeight.of(Tensor.of(shape, x)));
  }

  record Opened(Open folder, Path file) implements Open {
    @Override
    public TransformerModel model() {
      return folder.model();
    }

    @Override
    public void close() throws IOException {
      try {
        folder.close();
      } finally {
        Files.deleteIfExists(file);
      }
    }
  }
}

package dev.outpost.transformer.load;

import dev.outpost.tensor.Shape;
import dev.outpost.tensor.io.FormatException;
import dev.outpost.tensor.io.GgufFile;
import dev.outpost.tensor.io.GgufMetadata;
import dev.outpost.tensor.io.JsonObject;
import dev.outpost.tensor.weight.HeapWeight;
import dev.outpost.tensor.weight.MappedWeight;
import dev.outpost.transformer.Spec;
import dev.outpost.transformer.TransformerModel;
import dev.outpost.transformer.family.Family;
import dev.outpost.transformer.layer.Norm;
import dev.outpost.transformer.module.Parameter;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import java.util.regex.Pattern;

/**
 * A model in a GGUF file, of any {@link GgufArchitecture}. Matrices are read in place, in the
 * file's order of rows: the model's spec says so, and {@link ModelFolder#write} puts them back.
 */
record GgufModel(JsonObject config, TransformerModel model, LoadReport report) {
  /** What a tensor that the engine does not know would change. */
  private static final Pattern COMPUTES =
      Pattern.compile("rope_f.*|.*\\.bias|.*norm.*\\.weight|.*(_exps|gate_inp|_sinks).*");

  /** Whether a path names a GGUF file rather than a folder. */
  static boolean names(Path path) {
    return Files.isRegularFile(path) && path.toString().endsWith(".gguf");
  }

  static GgufModel read(GgufFile file) throws FormatException {
    GgufMetadata m = file.metadata();
    String name = m.text("general.architecture");
    GgufArchitecture architecture =
        GgufArchitecture.named(name)
            .orElseThrow(() ->
                m.wrong(
                    "general.architecture",
                    "is \"" + name + "\"; supported: " + GgufArchitecture.readable()));
    JsonObject config = new GgufChoices(architecture).read(file);
    Family family = Family.of(config);
    Spec spec = family.read(config);
    Set<String> used = new HashSet<>();
    TransformerModel model =
        ModelFactory.build(
            spec,
            (ours, shape) -> {
              String theirs = architecture.names().theirs(ours);
              used.add(theirs);
              return parameter(file, spec, ours, theirs, shape);
            });
    List<String> unused = new ArrayList<>(file.names());
    unused.removeAll(used);
    unused.sort(null);
    for (String tensor : unused)
      if (COMPUTES.matcher(tensor).matches())
        throw new FormatException(
            file.path()
                + ": tensor "
                + tensor
                + " takes part in what the model computes, and is not supported in a "
                + name);
    int end = m.integer("tokenizer.ggml.eos_token_id", 0, spec.vocabularySize() - 1, 0);
    return new GgufModel(
        family.write(spec, end), model, new LoadReport(unused, List.of(), List.of()));
  }

  private static Parameter parameter(
      GgufFile file, Spec spec, String name, String theirs, Shape shape) throws FormatException {
    MappedWeight w = file.weight(theirs);
    if (!w.shape().equals(shape))
      throw new FormatException(
          file.path()
              + ": tensor "
              + theirs
              + " has shape "
              + w.shape()
              + ", but the metadata asks for "
              + shape
              + " (parameter "
              + name
              + ")");
    if (shape.rank() == 1
        && name.endsWith(".weight")
        && spec.norms().kind() == Norm.Kind.RMS_FROM_ONE)
      return Parameter.frozen(GgufExport.shifted(w, -1));
    if (shape.rank() == 1) return Parameter.frozen(HeapWeight.of(w.toTensor()));
    return Parameter.frozen(w);
  }
}

package dev.outpost.transformer.load;

import dev.outpost.tensor.Shape;
import dev.outpost.tensor.io.FormatException;
import dev.outpost.tensor.io.GgufFile;
import dev.outpost.tensor.io.GgufMetadata;
import dev.outpost.tensor.io.JsonObject;
import dev.outpost.tensor.kernel.RotaryPairing;
import dev.outpost.tensor.weight.HeapWeight;
import dev.outpost.tensor.weight.MappedWeight;
import dev.outpost.transformer.Spec;
import dev.outpost.transformer.TransformerModel;
import dev.outpost.transformer.family.Llama;
import dev.outpost.transformer.module.Parameter;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Set;

/**
 * A Llama in a GGUF file. Matrices are read in place. llama.cpp turns neighbouring numbers by
 * position where Hugging Face turns a head's halves, so converters interleave the rows of queries
 * and keys: the model's spec says so, and {@link ModelFolder#write} puts them back.
 */
record GgufModel(JsonObject config, TransformerModel model, LoadReport report) {
  private static final int MAX = 1 << 24;
  private static final NameTable NAMES = GgufArchitecture.LLAMA.names();

  /** Whether a path names a GGUF file rather than a folder. */
  static boolean names(Path path) {
    return Files.isRegularFile(path) && path.toString().endsWith(".gguf");
  }

  static GgufModel read(GgufFile file) throws FormatException {
    Spec spec = spec(file);
    Set<String> used = new HashSet<>();
    TransformerModel model =
        ModelFactory.build(
            spec,
            (name, shape) -> {
              used.add(NAMES.theirs(name));
              return parameter(file, name, shape);
            });
    List<String> unused = new ArrayList<>(file.names());
    unused.removeAll(used);
    unused.sort(null);
    int end =
        file.metadata().integer("tokenizer.ggml.eos_token_id", 0, spec.vocabularySize() - 1, 0);
    return new GgufModel(
        new Llama().write(spec, end), model, new LoadReport(unused, List.of(), List.of()));
  }

  private static Spec spec(GgufFile file) throws FormatException {
    GgufMetadata m = file.metadata();
    String architecture = m.text("general.architecture");
    if (!architecture.equals("llama"))
      throw m.wrong("general.architecture", "is \"" + architecture + "\"; only llama is supported");
    for (String refused : List.of("rope_freqs.weight", "blk.0.attn_q.bias", "blk.0.ffn_up.bias"))
      if (file.names().contains(refused))
        throw new FormatException(
            file.path()
                + ": tensor "
                + refused
                + ": scaled positions and biases are not supported");
    String scaling = m.optionalText("llama.rope.scaling.type").orElse("none");
    if (!scaling.equals("none"))
      throw m.wrong("llama.rope.scaling.type", "is \"" + scaling + "\"; only none is supported");
    m.integer("llama.expert_count", 0, 0, 0);
    int width = m.integer("llama.embedding_length", 1, MAX);
    int heads = m.integer("llama.attention.head_count", 1, MAX);
    int kvHeads = m.integer("llama.attention.head_count_kv", 1, MAX, heads);
    if (heads % kvHeads != 0)
      throw m.wrong("llama.attention.head_count_kv", "must divide head_count " + heads);
    int headDim = m.integer("llama.attention.key_length", 1, 1 << 16, Math.max(1, width / heads));
    m.integer("llama.attention.value_length", headDim, headDim, headDim);
    m.integer("llama.rope.dimension_count", headDim, headDim, headDim);
    if (headDim % 2 != 0 || (long) heads * headDim > MAX)
      throw m.wrong("llama.attention.head_count", "gives heads of size " + headDim);
    double eps = m.number("llama.attention.layer_norm_rms_epsilon", 1e-5);
    double theta = m.number("llama.rope.freq_base", 10_000);
    if (!((float) eps > 0) || !(theta >= 1))
      throw m.wrong(
          "llama.rope.freq_base and layer_norm_rms_epsilon",
          "must be at least 1 and positive, got " + theta + " and " + eps);
    Spec halves =
        Llama.spec(
            file.weight("token_embd.weight").shape().rows(),
            m.integer("llama.context_length", 1, MAX),
            width,
            m.integer("llama.block_count", 1, 10_000),
            heads,
            kvHeads,
            headDim,
            m.integer("llama.feed_forward_length", 1, MAX),
            (float) eps,
            theta,
            !file.names().contains("output.weight"));
    return halves.with(RotaryPairing.NEIGHBOURS);
  }

  private static Parameter parameter(GgufFile file, String name, Shape shape)
      throws FormatException {
    String theirs = NAMES.theirs(name);
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
    if (shape.rank() == 1) return Parameter.frozen(HeapWeight.of(w.toTensor()));
    return Parameter.frozen(w);
  }
}

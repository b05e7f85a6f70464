package dev.outpost.offsite.app;

import dev.outpost.offsite.artifact.AdapterArtifact;
import dev.outpost.offsite.artifact.BaseFingerprint;
import dev.outpost.offsite.artifact.OffsitePackage;
import dev.outpost.offsite.artifact.PlugIn;
import dev.outpost.tensor.kernel.Kernels;
import dev.outpost.transformer.TransformerModel;
import dev.outpost.transformer.load.ModelFolder;
import dev.outpost.transformer.peft.Attach;
import dev.outpost.transformer.text.Tokenizer;
import dev.outpost.transformer.text.TokenizerFiles;
import java.io.Closeable;
import java.io.IOException;
import java.nio.file.Path;
import picocli.CommandLine.ArgGroup;
import picocli.CommandLine.Option;

/** Which model a command reads: a full one or a package, with or without an adapter. */
final class ModelOptions {
  @ArgGroup(exclusive = true, multiplicity = "1")
  Source source;

  @Option(names = "--adapter", paramLabel = "DIR", description = "A tuned adapter to put in first.")
  Path adapter;

  static final class Source {
    @Option(
        names = "--model",
        paramLabel = "DIR",
        description = "A full model: a Hugging Face folder.")
    Path model;

    @Option(
        names = "--package",
        paramLabel = "DIR",
        description = "A package: adapter and emulator.")
    Path pack;
  }

  /** An open model; close it after use. */
  record Open(TransformerModel model, Tokenizer tokenizer, String name, Closeable files)
      implements Closeable {
    @Override
    public void close() throws IOException {
      files.close();
    }
  }

  Open open(Kernels kernels) throws IOException, PlugIn.RefusedException {
    return source.model != null ? full(kernels) : emulated(kernels);
  }

  private Open full(Kernels kernels) throws IOException, PlugIn.RefusedException {
    ModelFolder f = ModelFolder.open(source.model);
    try {
      TransformerModel m = f.model();
      if (adapter != null)
        m =
            Attach.merge(
                PlugIn.apply(m, BaseFingerprint.of(m), AdapterArtifact.read(adapter)), kernels);
      return new Open(m, tokenizer(source.model, m), source.model.toString(), f::close);
    } catch (IOException | RuntimeException | PlugIn.RefusedException e) {
      f.close();
      throw e;
    }
  }

  private Open emulated(Kernels kernels) throws IOException, PlugIn.RefusedException {
    OffsitePackage p = OffsitePackage.open(source.pack);
    try {
      TransformerModel m =
          adapter == null
              ? p.model()
              : Attach.merge(PlugIn.intoEmulator(p, AdapterArtifact.read(adapter)), kernels);
      return new Open(m, tokenizer(source.pack, m), source.pack.toString(), p::close);
    } catch (IOException | RuntimeException | PlugIn.RefusedException e) {
      p.close();
      throw e;
    }
  }

  /** The tokenizer beside a model, checked against its vocabulary. */
  static Tokenizer tokenizer(Path folder, TransformerModel model) throws IOException {
    Tokenizer t = TokenizerFiles.load(folder);
    try {
      t.requireFits(model.spec().vocabularySize(), folder);
    } catch (IllegalArgumentException e) {
      throw new BadInput(e.getMessage());
    }
    return t;
  }
}

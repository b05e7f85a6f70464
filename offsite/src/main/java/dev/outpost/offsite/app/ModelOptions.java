package dev.outpost.offsite.app;

import dev.outpost.offsite.artifact.OffsitePackage;
import dev.outpost.offsite.artifact.PlugIn;
import dev.outpost.tensor.io.JsonObject;
import dev.outpost.tensor.kernel.Kernels;
import dev.outpost.transformer.TransformerModel;
import dev.outpost.transformer.hub.HubCache;
import dev.outpost.transformer.hub.HubSettings;
import dev.outpost.transformer.load.ModelFolder;
import dev.outpost.transformer.peft.Attach;
import dev.outpost.transformer.text.Tokenizer;
import dev.outpost.transformer.text.TokenizerFiles;
import java.io.Closeable;
import java.io.IOException;
import java.io.InterruptedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.FutureTask;
import java.util.function.BooleanSupplier;
import picocli.CommandLine.ArgGroup;
import picocli.CommandLine.Option;

/** Which model a command reads: a full one or a package, with or without an adapter. */
final class ModelOptions {
  @ArgGroup(exclusive = true, multiplicity = "1")
  Source source;

  @Option(
      names = "--adapter",
      paramLabel = "DIR",
      description = "A tuned adapter to put in first; also a LoRA folder of the peft package.")
  Path adapter;

  static final class Source {
    @Option(
        names = "--model",
        paramLabel = "DIR",
        description =
            "A full model: a Hugging Face folder, a GGUF file, or the name of a model that was pulled.")
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

  /** An open model of images, which has no tokenizer; close it after use. */
  record OfImages(TransformerModel model, JsonObject config, Path folder, Closeable files)
      implements Closeable {
    @Override
    public void close() throws IOException {
      files.close();
    }
  }

  /** Opens a model of images, with its adapter if one is given. */
  OfImages openOfImages(Kernels kernels) throws IOException, PlugIn.RefusedException {
    if (source.model != null) {
      source.model = located(source.model);
      ModelFolder f = ModelFolder.open(source.model);
      try {
        return new OfImages(plugged(f, kernels), f.config(), source.model, f::close);
      } catch (IOException | RuntimeException | PlugIn.RefusedException e) {
        f.close();
        throw e;
      }
    }
    OffsitePackage p = OffsitePackage.open(source.pack);
    try {
      return new OfImages(plugged(p, kernels), p.config(), source.pack, p::close);
    } catch (IOException | RuntimeException | PlugIn.RefusedException e) {
      p.close();
      throw e;
    }
  }

  private TransformerModel plugged(ModelFolder f, Kernels kernels)
      throws IOException, PlugIn.RefusedException {
    return adapter == null ? f.model() : Attach.merge(Adapters.into(f, adapter), kernels);
  }

  private TransformerModel plugged(OffsitePackage p, Kernels kernels)
      throws IOException, PlugIn.RefusedException {
    return adapter == null ? p.model() : Attach.merge(Adapters.into(p, adapter), kernels);
  }

  /** What to do with the model while its tokenizer is still being read. */
  @FunctionalInterface
  interface Meanwhile {
    void run(TransformerModel model, BooleanSupplier enough);
  }

  Open open(Kernels kernels) throws IOException, PlugIn.RefusedException {
    return open(kernels, (model, enough) -> {});
  }

  /** The tokenizer is read on a thread of its own. */
  Open open(Kernels kernels, Meanwhile meanwhile) throws IOException, PlugIn.RefusedException {
    if (source.model != null) source.model = located(source.model);
    Path folder = source.model != null ? source.model : source.pack;
    FutureTask<Tokenizer> tokenizer = new FutureTask<>(() -> TokenizerFiles.load(folder));
    Thread.ofPlatform().name("outpost-tokenizer").daemon().start(tokenizer);
    return source.model != null
        ? full(kernels, meanwhile, tokenizer)
        : emulated(kernels, meanwhile, tokenizer);
  }

  private Open full(Kernels kernels, Meanwhile meanwhile, FutureTask<Tokenizer> tokenizer)
      throws IOException, PlugIn.RefusedException {
    ModelFolder f = ModelFolder.open(source.model);
    try {
      requireText(source.model, f.model());
      TransformerModel m = plugged(f, kernels);
      meanwhile.run(m, tokenizer::isDone);
      return new Open(m, fitting(tokenizer, source.model, m), source.model.toString(), f::close);
    } catch (IOException | RuntimeException | PlugIn.RefusedException e) {
      f.close();
      throw e;
    }
  }

  private Open emulated(Kernels kernels, Meanwhile meanwhile, FutureTask<Tokenizer> tokenizer)
      throws IOException, PlugIn.RefusedException {
    OffsitePackage p = OffsitePackage.open(source.pack);
    try {
      requireText(source.pack, p.model());
      TransformerModel m = plugged(p, kernels);
      meanwhile.run(m, tokenizer::isDone);
      return new Open(m, fitting(tokenizer, source.pack, m), source.pack.toString(), p::close);
    } catch (IOException | RuntimeException | PlugIn.RefusedException e) {
      p.close();
      throw e;
    }
  }

  /** What is meant by a path that may also be the name of a model in the hub's cache. */
  static Path located(Path given) throws IOException {
    return Files.exists(given) ? given : HubCache.of(HubSettings.ofEnvironment()).locate(given);
  }

  private static void requireText(Path folder, TransformerModel model) {
    model
        .spec()
        .readsOnly()
        .ifPresent(why -> {
          throw new BadInput(folder + ": " + why);
        });
  }

  /** The tokenizer beside a model that continues text, checked against its vocabulary. */
  static Tokenizer tokenizer(Path folder, TransformerModel model) throws IOException {
    requireText(folder, model);
    return fitting(TokenizerFiles.load(folder), folder, model);
  }

  private static Tokenizer fitting(FutureTask<Tokenizer> read, Path folder, TransformerModel model)
      throws IOException {
    try {
      return fitting(read.get(), folder, model);
    } catch (ExecutionException e) {
      switch (e.getCause()) {
        case IOException io -> throw io;
        case RuntimeException r -> throw r;
        case Error error -> throw error;
        case null, default -> throw new IllegalStateException(e);
      }
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new InterruptedIOException(folder + ": interrupted while its tokenizer was read");
    }
  }

  private static Tokenizer fitting(Tokenizer t, Path folder, TransformerModel model) {
    try {
      t.requireFits(model.spec().vocabularySize(), folder);
    } catch (IllegalArgumentException e) {
      throw new BadInput(e.getMessage());
    }
    return t;
  }
}

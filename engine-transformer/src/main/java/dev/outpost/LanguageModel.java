package dev.outpost;

import dev.outpost.autograd.Tape;
import dev.outpost.autograd.Var;
import dev.outpost.tensor.io.FormatException;
import dev.outpost.tensor.kernel.Kernels;
import dev.outpost.tensor.kernel.Team;
import dev.outpost.tensor.memory.Workspace;
import dev.outpost.transformer.Slot;
import dev.outpost.transformer.Spec;
import dev.outpost.transformer.TransformerModel;
import dev.outpost.transformer.load.Companions;
import dev.outpost.transformer.load.ModelFolder;
import dev.outpost.transformer.load.PeftFolder;
import dev.outpost.transformer.module.Pass;
import dev.outpost.transformer.peft.Attach;
import dev.outpost.transformer.text.Tokenizer;
import dev.outpost.transformer.text.TokenizerFiles;
import dev.outpost.transformer.train.Blocks;
import dev.outpost.transformer.train.Objective;
import dev.outpost.transformer.train.Progress;
import dev.outpost.transformer.train.Trainer;
import dev.outpost.transformer.train.TrainingPlan;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.Set;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.function.Supplier;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import java.util.stream.Stream;

/**
 * A model and its tokenizer, ready to work. Its numbers never change: tuning makes another model.
 * Any number of threads may call it at once; each call computes on all threads the model was given,
 * or on its device, so calls that meet take turns kernel by kernel.
 *
 * <p>Close it after use. Models tuned from it share its files and stay usable until they are closed
 * themselves.
 */
public final class LanguageModel implements AutoCloseable {
  private final Resources resources;
  private final TransformerModel model;
  private final Tokenizer tokenizer;
  private final AtomicBoolean closed = new AtomicBoolean();

  LanguageModel(Resources resources, TransformerModel model, Tokenizer tokenizer) {
    this.resources = resources;
    this.model = model;
    this.tokenizer = tokenizer;
  }

  static LanguageModel open(Path path, Compute compute) throws IOException {
    Team team = Team.of(compute.threads());
    try {
      ModelFolder folder = ModelFolder.open(path);
      try {
        Spec spec = folder.model().spec();
        if (spec.embedding().image().isPresent())
          throw new FormatException(path + ": " + spec.readsOnly().orElseThrow());
        Tokenizer tokenizer = TokenizerFiles.load(path);
        tokenizer.requireFits(spec.vocabularySize(), path);
        return new LanguageModel(Resources.of(folder, team, compute), folder.model(), tokenizer);
      } catch (IOException | RuntimeException e) {
        folder.close();
        throw e;
      }
    } catch (IOException | RuntimeException e) {
      team.close();
      throw e;
    }
  }

  /** The layers, for what this class does not do; not after {@link #close}. */
  public TransformerModel transformer() {
    return model;
  }

  /** Turns text into tokens and back. */
  public Tokenizer tokenizer() {
    return tokenizer;
  }

  /** What the layers compute with. */
  public Kernels kernels() {
    return resources.kernels();
  }

  /** A conversation that remembers what was said. */
  public Session session() {
    requireCausal("generate");
    return new Session(this);
  }

  /** What the model writes after the prompt, without the prompt. */
  public String generate(String prompt) {
    return generate(prompt, GenerateOptions.DEFAULT);
  }

  /** What the model writes after the prompt, without the prompt. */
  public String generate(String prompt, GenerateOptions options) {
    return stream(prompt, options).collect(Collectors.joining());
  }

  /** The same in pieces, each made when it is asked for: who stops asking stops the model. */
  public Stream<String> stream(String prompt, GenerateOptions options) {
    return session().stream(prompt, options);
  }

  /**
   * How likely the model finds {@code continuation} after {@code context}.
   *
   * @param context begun as the model's family begins a text; may be empty: then the first token is
   *     predicted after begin-of-text or else end-of-text, or not at all where the tokenizer has
   *     neither
   * @throws IllegalArgumentException when there is nothing to predict, or both together are longer
   *     than the model's context
   */
  public Score score(String context, String continuation) {
    requireCausal("score");
    int[] given = context.isEmpty() ? start() : tokenizer.begun(context);
    // Tokens may reach across the seam: what is scored is what the whole has beyond the context.
    int[] whole =
        context.isEmpty()
            ? concat(given, tokenizer.encode(continuation))
            : tokenizer.begun(context + continuation);
    int from = Math.max(1, given.length);
    if (whole.length <= from)
      throw new IllegalArgumentException(
          "score: the continuation adds no token that can be predicted");
    requireRoom("score", whole.length);
    int[] targets = new int[whole.length];
    Arrays.fill(targets, -1);
    System.arraycopy(whole, from, targets, from - 1, whole.length - from);
    return working(() -> {
      Workspace workspace = kernels().memory().workspace();
      Pass pass = Pass.of(Tape.evaluating(kernels(), workspace), 1, whole.length);
      double sum = 0;
      for (float loss : model.losses(pass, whole, targets)) sum += loss;
      return new Score(-sum, whole.length - from);
    });
  }

  /** How likely the model finds a text. */
  public Score score(String text) {
    return score("", text);
  }

  /** A text as one vector of the model's width: the mean of its tokens' hidden states. */
  public float[] embed(String text) {
    return embed(text, Pooling.MEAN);
  }

  /**
   * A text as one vector [C] of hidden states after the last norm.
   *
   * @throws IllegalArgumentException when the text has no token, or more than the model's context
   */
  public float[] embed(String text, Pooling pooling) {
    // An encoder knows texts only between the tokens that frame them.
    int[] ids = tokenizer.encode(text, !model.spec().attention().causal());
    if (ids.length == 0) throw new IllegalArgumentException("embed: the text has no token");
    requireRoom("embed", ids.length);
    return working(() -> {
      Workspace workspace = kernels().memory().workspace();
      Pass pass = Pass.of(Tape.evaluating(kernels(), workspace), 1, ids.length);
      Var hidden = model.hidden(pass, ids);
      kernels().memory().fetch(hidden.value());
      float[] all = hidden.value().toArray();
      return switch (pooling) {
        case MEAN -> mean(all, all.length / ids.length);
        case LAST -> Arrays.copyOfRange(all, all.length - all.length / ids.length, all.length);
      };
    });
  }

  private static float[] mean(float[] rows, int width) {
    int n = rows.length / width;
    float[] mean = new float[width];
    for (int c = 0; c < width; c++) {
      double sum = 0;
      for (int r = 0; r < n; r++) sum += rows[r * width + c];
      mean[c] = (float) (sum / n);
    }
    return mean;
  }

  /** A model that has learnt from texts; this one stays as it is. */
  public LanguageModel tune(List<String> texts, Tuning tuning) {
    return tune(texts, tuning, Progress.SILENT);
  }

  /**
   * A model that has learnt from texts, one after another with end-of-text between them; this one
   * stays as it is. What was learnt beside the weights stays there, for {@link #saveAdapter}, until
   * {@link #save} adds it to them; tuned once more, it is added first where it can be.
   *
   * @param progress watches, and may stop it early
   * @throws IllegalArgumentException when the texts together are shorter than one block, or the
   *     model does not take the method
   */
  public LanguageModel tune(List<String> texts, Tuning tuning, Progress progress) {
    requireCausal("tune");
    Blocks blocks =
        Blocks.of(
            texts.stream()
                .flatMapToInt(t -> IntStream.of(concat(tokenizer.encode(t), end())))
                .toArray(),
            tuning.block());
    return working(() -> {
      TransformerModel base = Attach.merge(model, kernels());
      Set<String> all = base.slots().stream().map(Slot::name).collect(Collectors.toSet());
      TransformerModel learning =
          tuning
              .method()
              .map(method -> Attach.attach(base, all, method, tuning.seed()))
              .orElseGet(() -> base.trainable(name -> true));
      // A prompt takes some of the context.
      requireRoom("tuning: a block", tuning.block(), learning.spec().context());
      TrainingPlan plan =
          TrainingPlan.of(tuning.steps(), tuning.batch(), tuning.learningRate(), tuning.seed());
      new Trainer(learning, Objective.languageModel(), blocks, null, plan, kernels()).run(progress);
      return new LanguageModel(resources.share(), learning.frozen(), tokenizer);
    });
  }

  /**
   * Writes the model as a Hugging Face folder with its tokenizer, what was learnt beside the
   * weights added to them.
   *
   * @throws IllegalArgumentException when the format cannot hold it, as bottlenecks, prefixes and
   *     prompts
   */
  public void save(Path folder) throws IOException {
    Path source = resources.folder().path();
    writing(() -> {
      if (Files.exists(folder) && Files.exists(source) && Files.isSameFile(folder, source))
        throw new IllegalArgumentException(
            "save: "
                + folder
                + " is what this model was loaded from and is still read; choose another folder");
      TransformerModel merged = Attach.merge(model, kernels());
      Attach.requirePlain("save", merged);
      ModelFolder.write(folder, merged, resources.folder().config(), null);
      if (Files.isDirectory(source)) Companions.copy(source, folder);
      else TokenizerFiles.save(tokenizer, folder);
    });
  }

  /**
   * Writes what was learnt beside the weights as the {@code peft} package keeps it: LoRA, DoRA,
   * IA³, a prompt, or a prefix where positions only turn queries and keys.
   *
   * @throws IllegalArgumentException when there is none, or peft has no place for it
   */
  public void saveAdapter(Path folder) throws IOException {
    writing(() ->
        PeftFolder.write(
            folder, model, resources.folder().path().toString(), resources.folder().config()));
  }

  /**
   * This model with an adapter that {@link #saveAdapter} or the {@code peft} package wrote. It
   * shares this one's files and is closed on its own. What this one carries is added to its weights
   * first.
   *
   * @throws IllegalArgumentException when the adapter does not fit this model
   */
  public LanguageModel withAdapter(Path folder) throws IOException {
    try {
      return working(() -> {
        try {
          TransformerModel adapted =
              PeftFolder.attach(
                  folder, resources.folder().config(), Attach.merge(model, kernels()));
          return new LanguageModel(resources.share(), adapted, tokenizer);
        } catch (IOException e) {
          throw new UncheckedIOException(e);
        }
      });
    } catch (UncheckedIOException e) {
      throw e.getCause();
    }
  }

  private interface Writing {
    void run() throws IOException;
  }

  private void writing(Writing work) throws IOException {
    try {
      working(() -> {
        try {
          work.run();
          return true;
        } catch (IOException e) {
          throw new UncheckedIOException(e);
        }
      });
    } catch (UncheckedIOException e) {
      throw e.getCause();
    }
  }

  /**
   * Ends this model's use, after the calls under way; a second time does nothing. Later calls, also
   * of its sessions, fail with {@link IllegalStateException}.
   */
  @Override
  public void close() throws IOException {
    if (closed.compareAndSet(false, true)) resources.release();
  }

  /** Runs what reads the weights. */
  <T> T working(Supplier<T> work) {
    return resources.using(() -> {
      if (closed.get()) throw new IllegalStateException("model: is closed");
      return work.get();
    });
  }

  /** What stands before a text without context, or nothing. */
  int[] start() {
    return tokenizer.beginning().stream().toArray();
  }

  private int[] end() {
    return tokenizer.endOfText().stream().toArray();
  }

  static int[] concat(int[] a, int[] b) {
    int[] both = Arrays.copyOf(a, a.length + b.length);
    System.arraycopy(b, 0, both, a.length, b.length);
    return both;
  }

  private void requireRoom(String what, int tokens) {
    requireRoom(what, tokens, model.spec().context());
  }

  private static void requireRoom(String what, int tokens, int context) {
    if (tokens > context)
      throw new IllegalArgumentException(
          what + ": has " + tokens + " tokens, the model's context is " + context);
  }

  private void requireCausal(String what) {
    model
        .spec()
        .readsOnly()
        .ifPresent(why -> {
          throw new UnsupportedOperationException(what + ": " + why);
        });
  }
}

package dev.outpost;

import dev.outpost.tensor.random.RandomStream;
import dev.outpost.transformer.run.Generator;
import dev.outpost.transformer.run.StopStrings;
import dev.outpost.transformer.text.Tokenizer;
import java.util.Arrays;
import java.util.Iterator;
import java.util.NoSuchElementException;
import java.util.Spliterator;
import java.util.Spliterators;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import java.util.stream.StreamSupport;
import org.jspecify.annotations.Nullable;

/**
 * One conversation: what was said, by either side, as tokens, and the keys and values the model
 * computed for them, so that going on computes only what is new. Takes memory as it grows; several
 * of one model may work at once, each on a thread of its own. Calls to one session exclude each
 * other; a new stream ends the one before.
 */
public final class Session {
  private final LanguageModel model;
  private final Generator generator;
  private int[] said = {};
  private @Nullable Writing writing;

  Session(LanguageModel model) {
    this.model = model;
    this.generator = new Generator(model.transformer(), model.kernels());
  }

  /** Adds what was said, without an answer yet. */
  public synchronized Session append(String text) {
    // A text begins as the model's family begins one.
    return append(
        said.length == 0 ? model.tokenizer().prompt(text) : model.tokenizer().encode(text));
  }

  /** Adds tokens, such as a chat template makes. */
  public synchronized Session append(int... tokens) {
    end();
    int vocabulary = model.transformer().spec().vocabularySize();
    for (int t : tokens)
      if (t < 0 || t >= vocabulary)
        throw new IllegalArgumentException(
            "session: token " + t + " is none of the model's " + vocabulary);
    said = LanguageModel.concat(said, tokens);
    return this;
  }

  /** Everything said so far. */
  public synchronized int[] tokens() {
    return said.clone();
  }

  /** Everything said so far as text. */
  public synchronized String text() {
    return model.tokenizer().decode(said);
  }

  /** Forgets all but the first {@code tokens}: to ask once more, or to answer otherwise. */
  public synchronized Session rewind(int tokens) {
    end();
    if (tokens < 0 || tokens > said.length)
      throw new IllegalArgumentException(
          "session: cannot rewind " + said.length + " tokens to " + tokens);
    said = Arrays.copyOf(said, tokens);
    return this;
  }

  /** Adds a text and returns what the model writes after it, which becomes part of the session. */
  public String generate(String text) {
    return generate(text, GenerateOptions.DEFAULT);
  }

  /** Adds a text and returns what the model writes after it, which becomes part of the session. */
  public String generate(String text, GenerateOptions options) {
    return stream(text, options).collect(Collectors.joining());
  }

  /**
   * The same in pieces, each made when it is asked for. What was asked for becomes part of the
   * session; who stops asking stops the model. A text that is empty goes on from what was said.
   *
   * @throws IllegalArgumentException when nothing was said and there is no token to begin with
   * @throws IllegalStateException when what was said leaves no room in the model's context
   */
  public synchronized Stream<String> stream(String text, GenerateOptions options) {
    append(text);
    if (said.length == 0) append(model.start());
    if (said.length == 0)
      throw new IllegalArgumentException(
          "generate: nothing was said, and the tokenizer has no end-of-text token to start from");
    int context = model.transformer().spec().context();
    if (said.length >= context)
      throw new IllegalStateException(
          "session: "
              + said.length
              + " tokens fill the model's context of "
              + context
              + "; rewind, or begin another session");
    writing = new Writing(options);
    return StreamSupport.stream(
        Spliterators.spliteratorUnknownSize(
            writing, Spliterator.ORDERED | Spliterator.NONNULL | Spliterator.IMMUTABLE),
        false);
  }

  /** A stream that is still open ends where it is. */
  private void end() {
    if (writing != null) writing.stop();
  }

  /** One answer as it grows. */
  private final class Writing implements Iterator<String> {
    private final GenerateOptions options;
    private final RandomStream random;
    private final StringBuilder ready = new StringBuilder();
    private final StopStrings text;
    private final int from = said.length;
    private int made;
    private boolean done;

    Writing(GenerateOptions options) {
      this.options = options;
      this.random = RandomStream.of(options.seed(), "sample");
      this.text = new StopStrings(model.tokenizer(), options.stops(), ready::append);
    }

    @Override
    public boolean hasNext() {
      synchronized (Session.this) {
        while (ready.isEmpty() && !done) step();
        return !ready.isEmpty();
      }
    }

    @Override
    public String next() {
      synchronized (Session.this) {
        if (!hasNext()) throw new NoSuchElementException("the answer has ended");
        String piece = ready.toString();
        ready.setLength(0);
        return piece;
      }
    }

    private void step() {
      int token = model.working(() -> options.sampling().choose(generator.scores(said), random));
      made++;
      if (!text.push(token)) {
        done = true;
        settle();
        return;
      }
      said = LanguageModel.concat(said, new int[] {token});
      if (made == options.maxTokens() || said.length >= model.transformer().spec().context()) {
        done = true;
        text.finish();
      }
    }

    /** What began a stop text was not said, nor was the stop text. */
    private void settle() {
      Tokenizer tokenizer = model.tokenizer();
      String whole = text.text();
      int end = said.length;
      while (end > from && said(end).length() > whole.length()) end--;
      String kept = said(end);
      said = Arrays.copyOf(said, end);
      // The last token may hold a text's end and the stop text's beginning.
      if (whole.startsWith(kept))
        said = LanguageModel.concat(said, tokenizer.encode(whole.substring(kept.length())));
    }

    private String said(int end) {
      return model.tokenizer().decode(Arrays.copyOfRange(said, from, end));
    }

    void stop() {
      done = true;
      ready.setLength(0);
    }
  }
}

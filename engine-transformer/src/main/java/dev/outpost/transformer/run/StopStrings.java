package dev.outpost.transformer.run;

import dev.outpost.transformer.text.Decoder;
import dev.outpost.transformer.text.Tokenizer;
import java.util.List;
import java.util.function.Consumer;

/**
 * Turns generated tokens into text as they come, and ends at end-of-text or before a stop string.
 * Text that may still become a stop string is held back until it cannot.
 */
public final class StopStrings {
  private final Tokenizer tokenizer;
  private final Decoder decoder;
  private final List<String> stops;
  private final Consumer<String> sink;
  private final StringBuilder text = new StringBuilder();
  private int shown;
  private boolean ended;

  /**
   * @param stops non-empty texts that end the generation and are not part of it
   * @param sink receives the text in pieces
   */
  public StopStrings(Tokenizer tokenizer, List<String> stops, Consumer<String> sink) {
    this(tokenizer, new int[0], stops, sink);
  }

  /**
   * @param prompt what the text goes on from: between the two a space is kept
   * @param stops non-empty texts that end the generation and are not part of it
   * @param sink receives the text in pieces
   */
  public StopStrings(Tokenizer tokenizer, int[] prompt, List<String> stops, Consumer<String> sink) {
    for (String s : stops)
      if (s.isEmpty()) throw new IllegalArgumentException("stop string: must not be empty");
    this.tokenizer = tokenizer;
    this.decoder = tokenizer.decoderBehind(prompt);
    this.stops = List.copyOf(stops);
    this.sink = sink;
  }

  /** Takes a token; false when the text has ended. */
  public boolean push(int token) {
    if (ended) return false;
    if (tokenizer.endOfText().isPresent() && tokenizer.endOfText().getAsInt() == token) {
      // A character cut short by the end is marked, as when all tokens are decoded at once.
      text.append(decoder.finish());
      ended = true;
      return false;
    }
    text.append(decoder.push(token));
    int stop = firstStop();
    if (stop >= 0) {
      text.setLength(stop);
      ended = true;
    }
    show(ended ? text.length() : text.length() - heldBack());
    return !ended;
  }

  /** Releases what was held back, once no more tokens come. */
  public void finish() {
    if (!ended) {
      text.append(decoder.finish());
      int stop = firstStop();
      if (stop >= 0) text.setLength(stop);
      ended = true;
    }
    show(text.length());
  }

  /** All text so far, what is held back included. */
  public String text() {
    return text.toString();
  }

  private int firstStop() {
    int first = -1;
    for (String s : stops) {
      int at = text.indexOf(s, Math.max(0, shown - s.length()));
      if (at >= 0 && (first < 0 || at < first)) first = at;
    }
    return first;
  }

  private int heldBack() {
    int most = 0;
    for (String s : stops) {
      for (int n = Math.min(s.length() - 1, text.length()); n > most; n--) {
        if (s.startsWith(text.substring(text.length() - n))) most = n;
      }
    }
    return most;
  }

  private void show(int to) {
    if (to > shown) {
      sink.accept(text.substring(shown, to));
      shown = to;
    }
  }
}

package dev.outpost.transformer.text;

import java.util.function.IntFunction;
import org.jspecify.annotations.Nullable;

/**
 * Text of ids that arrive one at a time, for showing a generation as it grows. A character is
 * handed out only when all of its bytes are there, so what was shown never has to be taken back.
 * Belongs to one thread.
 */
public final class Decoder {
  private final IntFunction<@Nullable String> tokenOf;
  private final Detokenizer.Run run;

  Decoder(IntFunction<@Nullable String> tokenOf, Detokenizer detokenizer) {
    this.tokenOf = tokenOf;
    this.run = detokenizer.start(false);
  }

  /**
   * The characters this id completes; often empty, never half a character.
   *
   * @throws IllegalArgumentException if the id is negative
   */
  public String push(int id) {
    if (id < 0) throw new IllegalArgumentException("decode: token id " + id + " is negative");
    String token = tokenOf.apply(id);
    if (token == null) return "";
    StringBuilder text = new StringBuilder(token.length());
    run.push(token, text::append);
    return text.toString();
  }

  /** What is left at the end: U+FFFD if the last character lacks bytes, else nothing. */
  public String finish() {
    StringBuilder text = new StringBuilder(1);
    run.finish(text::append);
    return text.toString();
  }
}

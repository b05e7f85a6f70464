package dev.outpost.transformer.text;

import java.util.function.IntFunction;

/**
 * Text of ids that arrive one at a time, for showing a generation as it grows. A character is
 * handed out only when all of its bytes are there, so what was shown never has to be taken back.
 * Belongs to one thread.
 */
public final class Decoder {
  private final IntFunction<byte[]> bytesOf;
  private final Utf8Reader reader = new Utf8Reader();

  Decoder(IntFunction<byte[]> bytesOf) {
    this.bytesOf = bytesOf;
  }

  /**
   * The characters this id completes; often empty, never half a character.
   *
   * @throws IllegalArgumentException if the id is negative
   */
  public String push(int id) {
    if (id < 0) throw new IllegalArgumentException("decode: token id " + id + " is negative");
    byte[] bytes = bytesOf.apply(id);
    if (bytes.length == 0) return "";
    StringBuilder text = new StringBuilder(bytes.length);
    for (byte b : bytes) reader.push(b & 0xFF, text);
    return text.toString();
  }

  /** What is left at the end: U+FFFD if the last character lacks bytes, else nothing. */
  public String finish() {
    StringBuilder text = new StringBuilder(1);
    reader.finish(text);
    return text.toString();
  }
}

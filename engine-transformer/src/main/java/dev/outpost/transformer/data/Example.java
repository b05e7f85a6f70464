package dev.outpost.transformer.data;

import java.util.List;

/**
 * One thing to learn from: text of which some is only read and some is learned.
 *
 * @param parts in reading order
 * @param first whether a document begins here; false continues the one before
 * @param last whether end-of-text follows
 */
public record Example(List<Part> parts, boolean first, boolean last) {
  /**
   * A piece of text.
   *
   * @param learned whether its tokens are to be predicted; otherwise they are context
   */
  public record Part(String text, boolean learned) {}

  public Example {
    parts = List.copyOf(parts);
  }

  /** A document, all of it learned, ended by end-of-text. */
  public static Example text(String text) {
    return new Example(List.of(new Part(text, true)), true, true);
  }

  /** A prompt and the completion to learn, ended by end-of-text. */
  public static Example of(String prompt, String completion) {
    return new Example(List.of(new Part(prompt, false), new Part(completion, true)), true, true);
  }

  /** All text. */
  public String whole() {
    StringBuilder all = new StringBuilder();
    for (Part p : parts) all.append(p.text());
    return all.toString();
  }
}

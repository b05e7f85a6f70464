package dev.outpost.transformer.eval;

import java.util.List;
import java.util.Set;

/** One thing a model is asked. */
public sealed interface Item {
  /**
   * A question.
   *
   * @param context what the model reads first
   * @param choices how it could go on, without the space before
   * @param right indices of the right choices
   */
  record Question(String context, List<String> choices, Set<Integer> right) implements Item {
    public Question {
      choices = List.copyOf(choices);
      right = Set.copyOf(right);
    }
  }

  /**
   * A text whose likelihood is asked.
   *
   * @param text as the model reads it
   * @param words of the original
   * @param bytes of the original
   */
  record Page(String text, long words, long bytes) implements Item {}
}

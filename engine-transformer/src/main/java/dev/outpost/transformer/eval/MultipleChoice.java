package dev.outpost.transformer.eval;

import java.nio.charset.StandardCharsets;
import java.util.List;

/**
 * How a model answers a question with choices.
 *
 * @param choices without the space before
 * @param scores one per choice
 */
public record MultipleChoice(List<String> choices, List<LogLikelihood> scores) {
  /** Asks a model; each choice follows the context after {@code delimiter}. */
  public static MultipleChoice ask(
      Scorer scorer, String context, List<String> choices, String delimiter) {
    return new MultipleChoice(
        choices, scorer.continuations(context, choices.stream().map(c -> delimiter + c).toList()));
  }

  /** The likeliest choice, the first of equals. */
  public int best() {
    return best(c -> 1);
  }

  /** The likeliest choice per character. */
  public int bestPerCharacter() {
    return best(c -> c.codePointCount(0, c.length()));
  }

  /** The likeliest choice per byte. */
  public int bestPerByte() {
    return best(c -> c.getBytes(StandardCharsets.UTF_8).length);
  }

  private int best(java.util.function.ToIntFunction<String> length) {
    int best = 0;
    double most = Double.NEGATIVE_INFINITY;
    for (int i = 0; i < choices.size(); i++) {
      double score = scores.get(i).value() / length.applyAsInt(choices.get(i));
      if (score > most) {
        most = score;
        best = i;
      }
    }
    return best;
  }

  /** 1 or 0 by one of the metrics of questions. */
  double value(Metric metric, java.util.Set<Integer> right) {
    boolean good =
        switch (metric) {
          case ACC -> right.contains(best());
          case ACC_NORM -> right.contains(bestPerCharacter());
          case ACC_BYTES -> right.contains(bestPerByte());
          case EXACT_MATCH -> right.stream().anyMatch(i -> scores.get(i).greedy());
          case WORD_PERPLEXITY, BYTE_PERPLEXITY, BITS_PER_BYTE ->
              throw new IllegalStateException(metric + " is of texts");
        };
    return good ? 1 : 0;
  }
}

package dev.outpost.transformer.text;

import dev.outpost.tensor.io.FormatException;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;

/**
 * What a GGUF file's {@code llama} tokenizer has in the place of merges: a score for each token,
 * the higher the earlier it is made, of whichever two tokens. Only merges that were made of such
 * scores can be told so; those of Llama 2, Mistral, Gemma and Phi-3 were.
 */
final class GgufScores {
  private GgufScores() {}

  /**
   * The scores by id: 0, -1, -2, … for tokens in the order of their merges, less for others.
   *
   * @param model of a tokenizer.json, BPE with byte fallback
   */
  static float[] of(Json model, String[] tokens) throws FormatException {
    Map<String, Integer> order = new HashMap<>();
    Set<List<String>> listed = new HashSet<>();
    String last = "";
    for (Json merge : model.get("merges").items()) {
      List<String> pair = pair(merge);
      String made = pair.get(0) + pair.get(1);
      listed.add(pair);
      boolean first = order.putIfAbsent(made, order.size()) == null;
      if (!first && !made.equals(last))
        throw merge.wrong(
            "llama.cpp merges by the score of what is made, and \"" + made + "\" has two", KEEP);
      last = made;
    }
    Set<String> known = Set.copyOf(List.of(tokens));
    for (String made : order.keySet()) requireEach(model, made, known, listed);
    for (String token : known)
      if (!order.containsKey(token) && ByteTokens.value(token) < 0)
        requireEach(model, token, known, listed);
    float[] scores = new float[tokens.length];
    for (int i = 0; i < tokens.length; i++)
      scores[i] = -(float) order.getOrDefault(tokens[i], order.size());
    return scores;
  }

  private static final String KEEP = "keep the model in its folder";

  private static List<String> pair(Json merge) throws FormatException {
    if (!merge.isText()) return List.of(merge.items().get(0).text(), merge.items().get(1).text());
    int space = merge.text().indexOf(' ');
    return List.of(merge.text().substring(0, space), merge.text().substring(space + 1));
  }

  /** llama.cpp would make it of any two tokens. */
  private static void requireEach(
      Json model, String made, Set<String> known, Set<List<String>> listed) throws FormatException {
    List<List<String>> pairs = new ArrayList<>();
    for (int cut = 1; cut < made.length(); cut++)
      pairs.add(List.of(made.substring(0, cut), made.substring(cut)));
    for (List<String> pair : pairs)
      if (known.contains(pair.get(0)) && known.contains(pair.get(1)) && !listed.contains(pair))
        throw model.wrong(
            "llama.cpp would merge "
                + pair
                + ", which this tokenizer does not: its merges were not made from scores",
            KEEP);
  }
}

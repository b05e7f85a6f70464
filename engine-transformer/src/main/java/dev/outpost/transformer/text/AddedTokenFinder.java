package dev.outpost.transformer.text;

import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.function.Consumer;
import java.util.function.Function;
import java.util.function.IntConsumer;
import org.jspecify.annotations.Nullable;

/** Finds added tokens in text: the leftmost first, of those the longest, then on behind it. */
final class AddedTokenFinder {
  private static final class Node {
    final Map<Character, Node> children = new HashMap<>();
    @Nullable AddedToken token;
  }

  private final Node root = new Node();

  AddedTokenFinder(List<AddedToken> tokens, Function<AddedToken, String> spelling) {
    for (AddedToken token : tokens) {
      Node node = root;
      for (char c : spelling.apply(token).toCharArray()) {
        node = node.children.computeIfAbsent(c, k -> new Node());
      }
      node.token = token;
    }
  }

  /** Hands out the text between tokens and the tokens' ids, in order; never an empty text. */
  void split(String text, Consumer<String> texts, IntConsumer ids) {
    int done = 0;
    int at = 0;
    while (!root.children.isEmpty() && at < text.length()) {
      Node longest = null;
      int end = at;
      Node node = root.children.get(text.charAt(at));
      for (int i = at + 1; node != null; i++) {
        if (node.token != null) {
          longest = node;
          end = i;
        }
        node = i < text.length() ? node.children.get(text.charAt(i)) : null;
      }
      if (longest == null) {
        at++;
        continue;
      }
      AddedToken token = Objects.requireNonNull(longest.token);
      int start = at;
      at = end;
      if (token.singleWord() && touchesWord(text, start, end)) continue;
      if (token.lstrip()) start = Math.max(spaceBefore(text, start), done);
      if (token.rstrip()) end = spaceAfter(text, end);
      if (done < start) texts.accept(text.substring(done, start));
      ids.accept(token.id());
      done = end;
    }
    if (done < text.length()) texts.accept(text.substring(done));
  }

  private static boolean touchesWord(String text, int start, int end) {
    return start > 0 && Characters.isWord(text.codePointBefore(start))
        || end < text.length() && Characters.isWord(text.codePointAt(end));
  }

  // White space lies in the basic plane, so chars suffice.
  private static int spaceBefore(String text, int start) {
    while (start > 0 && Characters.isSpace(text.charAt(start - 1))) start--;
    return start;
  }

  private static int spaceAfter(String text, int end) {
    while (end < text.length() && Characters.isSpace(text.charAt(end))) end++;
    return end;
  }
}

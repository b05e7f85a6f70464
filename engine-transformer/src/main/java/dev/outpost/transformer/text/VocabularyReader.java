package dev.outpost.transformer.text;

import dev.outpost.tensor.io.FormatException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/** Reads tokens, ids and merges, and checks that they form a byte-level vocabulary. */
final class VocabularyReader {
  /** Sixteen times the largest vocabularies in use; an id is an array index here. */
  static final int MAX_ID = (1 << 22) - 1;

  private VocabularyReader() {}

  /** Tokens and ids. Ids may have holes, not duplicates. */
  static Map<String, Integer> ids(Json vocab) throws FormatException {
    Map<String, Integer> ids = new LinkedHashMap<>();
    Map<Integer, String> tokens = new HashMap<>();
    for (Map.Entry<String, Json> e : vocab.fields().entrySet()) {
      int id = e.getValue().integer(0, MAX_ID);
      String other = tokens.putIfAbsent(id, e.getKey());
      if (other != null) {
        throw e.getValue()
            .wrong(
                "each id belongs to one token, and \"" + other + "\" has this one",
                "give one of the two an id of its own");
      }
      ids.put(e.getKey(), id);
    }
    for (int b = 0; b < 256; b++) {
      String token = String.valueOf(ByteAlphabet.character(b));
      if (ByteAlphabet.occursInText(b) && !ids.containsKey(token)) {
        throw vocab.wrong(
            "a byte-level vocabulary has a token for each byte, and \""
                + token
                + "\" for byte 0x"
                + Integer.toHexString(b)
                + " is missing",
            "train it with the ByteLevel alphabet as initial alphabet");
      }
    }
    return ids;
  }

  /** Merges of tokenizer.json: {@code "a b"} or {@code ["a", "b"]}. */
  static Vocabulary withMerges(Map<String, Integer> ids, Json merges) throws FormatException {
    Merges read = new Merges(ids);
    for (Json item : merges.items()) {
      if (item.isText()) {
        // As in merges.txt, from which older files were made.
        if (item.text().startsWith("#version")) continue;
        String problem = read.add(item.text());
        if (problem != null) throw item.wrong(problem, Merges.CURE);
        continue;
      }
      List<Json> pair = item.items();
      if (pair.size() != 2) throw item.wrong("a merge must be a pair of tokens", "");
      String problem = read.add(pair.get(0).text(), pair.get(1).text());
      if (problem != null) throw item.wrong(problem, Merges.CURE);
    }
    return read.vocabulary();
  }

  /** Merges of merges.txt: one {@code a b} per line. */
  static Vocabulary withMerges(Map<String, Integer> ids, Path file, String text)
      throws FormatException {
    Merges read = new Merges(ids);
    int number = 0;
    for (String line : text.lines().toList()) {
      number++;
      if (line.isEmpty() || line.startsWith("#version")) continue;
      String problem = read.add(line);
      if (problem != null) {
        throw new FormatException(
            file + ": line " + number + ": " + problem + "; got \"" + line + "\"; " + Merges.CURE);
      }
    }
    return read.vocabulary();
  }

  private static final class Merges {
    static final String CURE = "vocabulary and merges must come from the same tokenizer";
    private final Map<String, Integer> ids;
    private final List<Vocabulary.Merge> merges = new ArrayList<>();
    private final Set<Vocabulary.Merge> seen = new HashSet<>();

    Merges(Map<String, Integer> ids) {
      this.ids = ids;
    }

    /** Adds a merge, or says what is wrong with it. */
    @Nullable String add(String spaced) {
      int space = spaced.indexOf(' ');
      if (space <= 0 || space != spaced.lastIndexOf(' ') || space == spaced.length() - 1) {
        return "a merge must be two tokens with one space between them";
      }
      return add(spaced.substring(0, space), spaced.substring(space + 1));
    }

    @Nullable String add(String left, String right) {
      Vocabulary.Merge merge = new Vocabulary.Merge(left, right);
      for (String token : List.of(left, right, merge.joined())) {
        if (!ids.containsKey(token)) {
          return "a merge's tokens and what they join to must be in the vocabulary, and \""
              + token
              + "\" is not";
        }
        if (ByteAlphabet.bytes(token) == null) {
          return "a byte-level merge may use the 256 byte characters only, and \""
              + token
              + "\" has others";
        }
      }
      if (!seen.add(merge)) return "each pair is merged once, and this one is listed twice";
      merges.add(merge);
      return null;
    }

    Vocabulary vocabulary() {
      return new Vocabulary(ids, List.copyOf(merges));
    }
  }
}

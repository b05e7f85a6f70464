package dev.outpost.transformer.text;

import dev.outpost.tensor.io.FormatException;
import dev.outpost.tensor.io.GgufMetadata;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.BitSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/** Reads tokens, ids and merges, and checks that they belong together. */
final class VocabularyReader {
  /** Sixteen times the largest vocabularies in use; an id is an array index here. */
  static final int MAX_ID = (1 << 22) - 1;

  private VocabularyReader() {}

  /** Tokens and ids. Ids may have holes, not duplicates. */
  static Map<String, Integer> ids(Json vocab) throws FormatException {
    Map<String, Integer> ids = LinkedHashMap.newLinkedHashMap(vocab.size());
    BitSet taken = new BitSet(vocab.size());
    vocab.integers(
        0,
        MAX_ID,
        (token, id) -> {
          if (taken.get(id)) {
            throw vocab
                .entry(token)
                .wrong(
                    "each id belongs to one token, and \"" + tokenOf(ids, id) + "\" has this one",
                    "give one of the two an id of its own");
          }
          taken.set(id);
          ids.put(token, id);
        });
    return ids;
  }

  /** The first byte of text without a token in the alphabet of bytes, or null. */
  static @Nullable Integer missingByte(Map<String, Integer> ids) {
    for (int b = 0; b < 256; b++) {
      boolean needed = ByteAlphabet.occursInText(b);
      if (needed && !ids.containsKey(String.valueOf(ByteAlphabet.character(b)))) return b;
    }
    return null;
  }

  /** Checks that every text can be spelled in bytes. */
  static void requireBytes(Json vocab, Map<String, Integer> ids) throws FormatException {
    Integer missing = missingByte(ids);
    if (missing == null) return;
    throw vocab.wrong(
        "a byte-level vocabulary has a token for each byte, and \""
            + ByteAlphabet.character(missing)
            + "\" for byte 0x"
            + Integer.toHexString(missing)
            + " is missing",
        "train it with the ByteLevel alphabet as initial alphabet");
  }

  private static String tokenOf(Map<String, Integer> ids, int id) {
    for (Map.Entry<String, Integer> e : ids.entrySet()) if (e.getValue() == id) return e.getKey();
    throw new IllegalArgumentException("no token has id " + id);
  }

  /**
   * Merges of tokenizer.json: {@code "a b"} or {@code ["a", "b"]}.
   *
   * @param byteLevel whether tokens are spelled in the alphabet of bytes
   * @param prefix what the right one of two tokens loses when they join
   */
  static Vocabulary withMerges(
      Map<String, Integer> ids, Json merges, boolean byteLevel, String prefix)
      throws FormatException {
    Merges read = new Merges(ids, byteLevel, prefix);
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
    Merges read = new Merges(ids, true, "");
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

  /** Token i has id i unless it is null; merges as in merges.txt. */
  static Vocabulary of(GgufMetadata metadata, List<@Nullable String> tokens, List<String> merges)
      throws FormatException {
    String key = "tokenizer.ggml.tokens";
    Map<String, Integer> ids = new LinkedHashMap<>();
    for (int i = 0; i < tokens.size(); i++) {
      String token = tokens.get(i);
      if (token == null) continue;
      Integer other = ids.put(token, i);
      if (other != null)
        throw metadata.wrong(key, "has \"" + token + "\" twice: ids " + other + " and " + i);
    }
    Integer missing = missingByte(ids);
    if (missing != null)
      throw metadata.wrong(key, "lacks a token for byte 0x" + Integer.toHexString(missing));
    Merges read = new Merges(ids, true, "");
    for (String merge : merges) {
      String problem = read.add(merge);
      if (problem != null)
        throw metadata.wrong("tokenizer.ggml.merges", "has \"" + merge + "\": " + problem);
    }
    return read.vocabulary();
  }

  private static final class Merges {
    static final String CURE = "vocabulary and merges must come from the same tokenizer";
    private final Map<String, Integer> ids;
    private final List<Vocabulary.Merge> merges = new ArrayList<>();
    private final MergeRanks ranks;
    private final boolean byteLevel;
    private final String prefix;

    Merges(Map<String, Integer> ids, boolean byteLevel, String prefix) {
      this.ids = ids;
      this.byteLevel = byteLevel;
      this.prefix = prefix;
      this.ranks = new MergeRanks(ids.size());
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
      String joined = left + (right.startsWith(prefix) ? right.substring(prefix.length()) : right);
      Integer first = ids.get(left);
      Integer second = ids.get(right);
      Integer both = ids.get(joined);
      if (first == null
          || second == null
          || both == null
          || byteLevel && !ByteAlphabet.spells(joined)) {
        return problem(left, right, joined);
      }
      if (!ranks.add(first, second, both)) {
        return "each pair is merged once, and this one is listed twice";
      }
      merges.add(new Vocabulary.Merge(left, right));
      return null;
    }

    private String problem(String left, String right, String joined) {
      for (String token : List.of(left, right, joined)) {
        if (!ids.containsKey(token)) {
          return "a merge's tokens and what they join to must be in the vocabulary, and \""
              + token
              + "\" is not";
        }
        if (!ByteAlphabet.spells(token)) {
          return "a byte-level merge may use the 256 byte characters only, and \""
              + token
              + "\" has others";
        }
      }
      throw new IllegalArgumentException(left + " " + right + " is a sound merge");
    }

    Vocabulary vocabulary() {
      return new Vocabulary(ids, List.copyOf(merges), ranks);
    }
  }
}

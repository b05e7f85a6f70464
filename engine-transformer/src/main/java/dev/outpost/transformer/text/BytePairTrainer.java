package dev.outpost.transformer.text;

import java.util.ArrayList;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * Learns a byte-level byte-pair vocabulary from text: starting from the 256 bytes, the most
 * frequent pair of adjacent tokens becomes a token, until the vocabulary is full (Sennrich et al.
 * 2016). Ids are: special tokens, bytes in the order of their characters, then merges; the result
 * equals that of Hugging Face's BpeTrainer with the ByteLevel alphabet, ties included.
 *
 * @param vocabularySize tokens to end up with, special tokens and bytes included; a small text may
 *     give fewer
 * @param minFrequency pairs seen less often are not merged
 * @param specialTokens first ids of the vocabulary; the first of them ends a text
 * @param addPrefixSpace whether each text is given a leading space it lacks
 */
public record BytePairTrainer(
    int vocabularySize, long minFrequency, List<String> specialTokens, boolean addPrefixSpace) {

  /** What GPT-2 calls the end of a text. */
  public static final String END_OF_TEXT = "<|endoftext|>";

  /** Told how far a training is. To stop it, throw. */
  @FunctionalInterface
  public interface Progress {
    /**
     * One step of a stage is done.
     *
     * @param stage {@code "counting words"} or {@code "merging"}
     * @param done texts read, or tokens in the vocabulary
     * @param total tokens wanted, or -1 where the number of texts is not known
     */
    void at(String stage, long done, long total);
  }

  /** Checks that the vocabulary can hold what it must. */
  public BytePairTrainer {
    specialTokens = List.copyOf(specialTokens);
    if (new HashSet<>(specialTokens).size() != specialTokens.size()) {
      throw new IllegalArgumentException("train: a special token is named twice: " + specialTokens);
    }
    for (String token : specialTokens) {
      // A single byte's character would take that byte's place in the alphabet.
      if (token.codePointCount(0, token.length()) < 2 || !Characters.isWellFormed(token)) {
        throw new IllegalArgumentException(
            "train: special token \""
                + token
                + "\" must be well-formed text of two characters"
                + " or more, such as "
                + END_OF_TEXT);
      }
    }
    int least = 256 + specialTokens.size();
    if (vocabularySize < least) {
      throw new IllegalArgumentException(
          "train: vocabulary size "
              + vocabularySize
              + " is too small; 256 bytes and "
              + specialTokens.size()
              + " special tokens need at least "
              + least);
    }
  }

  /** A vocabulary of a given size with {@code <|endoftext|>} as its only special token. */
  public static BytePairTrainer of(int vocabularySize) {
    return new BytePairTrainer(vocabularySize, 0, List.of(END_OF_TEXT), false);
  }

  /** Trains on some texts, each cut into words on its own. */
  public Tokenizer train(Iterable<String> texts) {
    return train(texts, (stage, done, total) -> {});
  }

  /** Trains on some texts, each cut into words on its own, and tells how far it is. */
  public Tokenizer train(Iterable<String> texts, Progress progress) {
    Stages stages = Stages.byteLevel(addPrefixSpace, null, false).unspelled();
    Map<String, Long> counts = new LinkedHashMap<>();
    long read = 0;
    for (String text : texts) {
      if (!text.isEmpty()) {
        stages
            .preTokenizer()
            .split(
                Characters.wellFormed(text),
                true,
                (word, first) -> counts.merge(word, 1L, Long::sum));
      }
      progress.at("counting words", ++read, -1);
    }
    List<String> tokens = new ArrayList<>(specialTokens);
    int[] byteIds = new int[256];
    // By character, not by byte: the order in which the reference numbers its alphabet.
    for (int c = 0; c < 0x144; c++) {
      byte[] bytes = ByteAlphabet.bytes(String.valueOf((char) c));
      if (bytes == null) continue;
      byteIds[bytes[0] & 0xFF] = tokens.size();
      tokens.add(String.valueOf((char) c));
    }
    Vocabulary vocabulary =
        new MergeLearner(tokens, byteIds, counts)
            .learn(
                vocabularySize,
                Math.max(1, minFrequency),
                size -> progress.at("merging", size, vocabularySize));
    return new PipelineTokenizer(
        new PipelineTokenizer.Settings(
            new ByteLevelBpe(vocabulary, false),
            added(),
            stages,
            TokenRoles.endOfText(endOfText())));
  }

  private List<AddedToken> added() {
    List<AddedToken> added = new ArrayList<>();
    for (String token : specialTokens) added.add(AddedToken.special(token, added.size()));
    return added;
  }

  private @Nullable String endOfText() {
    return specialTokens.isEmpty() ? null : specialTokens.getFirst();
  }
}

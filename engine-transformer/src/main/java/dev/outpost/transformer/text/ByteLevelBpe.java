package dev.outpost.transformer.text;

import java.nio.charset.StandardCharsets;
import java.util.Map;

/**
 * Byte-pair encoding of the UTF-8 bytes of a word (Radford et al. 2019, section 2.2), as GPT-2,
 * OPT, BLOOM, Llama 3 and Qwen have it. Takes words as they are, not spelled in {@link
 * ByteAlphabet}.
 */
final class ByteLevelBpe implements Model {
  private final Vocabulary vocabulary;
  private final boolean wholeWords;
  private final int[] byteIds = new int[256];
  private final WordCache cache = new WordCache();

  /**
   * @param wholeWords whether a word that is itself a token is never merged from bytes
   */
  ByteLevelBpe(Vocabulary vocabulary, boolean wholeWords) {
    this.vocabulary = vocabulary;
    this.wholeWords = wholeWords;
    for (int b = 0; b < 256; b++) {
      // Bytes that no text contains may lack a token.
      byteIds[b] = vocabulary.ids().getOrDefault(String.valueOf(ByteAlphabet.character(b)), -1);
    }
  }

  Vocabulary vocabulary() {
    return vocabulary;
  }

  boolean wholeWords() {
    return wholeWords;
  }

  @Override
  public Map<String, Integer> ids() {
    return vocabulary.ids();
  }

  @Override
  public void spell(String word, IntList out) {
    int[] ids = cache.get(word);
    if (ids == null) {
      ids = merged(word.getBytes(StandardCharsets.UTF_8));
      cache.put(word, ids);
    }
    out.addAll(ids);
  }

  private int[] merged(byte[] word) {
    if (wholeWords) {
      Integer whole = vocabulary.ids().get(ByteAlphabet.spelling(word));
      if (whole != null) return new int[] {whole};
    }
    int[] symbols = new int[word.length];
    for (int i = 0; i < symbols.length; i++) symbols[i] = byteIds[word[i] & 0xFF];
    return vocabulary.ranks().merge(symbols);
  }
}

package dev.outpost.transformer.text;

import java.util.Map;

/** Spells a word in tokens. Models are immutable but for caches and may be shared by threads. */
sealed interface Model
    permits ByteLevelBpe, CharacterBpe, ScoredBpe, ScoredUnigram, Unigram, WordPiece, WordLevel {

  /** The tokens and their ids; ids may have holes. */
  Map<String, Integer> ids();

  /**
   * Adds the ids of a word that is not empty to {@code out}.
   *
   * @throws IllegalArgumentException if the word holds what no token stands for and the model names
   *     no token for that
   */
  void spell(String word, IntList out);
}

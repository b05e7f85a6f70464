package dev.outpost.transformer.text;

import java.util.Map;
import java.util.OptionalInt;

/**
 * Byte-pair encoding that starts from characters: SentencePiece's kind with byte fallback (Llama 2,
 * Mistral, Gemma), and the older kind with a mark on the last piece of a word (Sennrich et al.
 * 2016).
 */
final class CharacterBpe implements Model {
  /**
   * How characters are met.
   *
   * @param prefix what a piece that does not begin a word starts with; may be empty
   * @param suffix what a piece that ends a word ends with; may be empty
   * @param unknown stands for a character without a token; without it such a character is dropped
   * @param fuseUnknown whether unknown characters in a row are one token
   * @param byteFallback whether bytes stand for a character without a token
   * @param wholeWords whether a word that is itself a token is never merged from characters
   */
  record Options(
      String prefix,
      String suffix,
      OptionalInt unknown,
      boolean fuseUnknown,
      boolean byteFallback,
      boolean wholeWords) {}

  private final Vocabulary vocabulary;
  private final Options options;
  private final ByteTokens bytes;
  private final WordCache cache = new WordCache();

  CharacterBpe(Vocabulary vocabulary, Options options) {
    this.vocabulary = vocabulary;
    this.options = options;
    this.bytes = new ByteTokens(vocabulary.ids());
  }

  Vocabulary vocabulary() {
    return vocabulary;
  }

  Options options() {
    return options;
  }

  @Override
  public Map<String, Integer> ids() {
    return vocabulary.ids();
  }

  @Override
  public void spell(String word, IntList out) {
    int[] ids = cache.get(word);
    if (ids == null) {
      ids = merged(word);
      cache.put(word, ids);
    }
    out.addAll(ids);
  }

  private int[] merged(String word) {
    if (options.wholeWords) {
      Integer whole = vocabulary.ids().get(word);
      if (whole != null) return new int[] {whole};
    }
    IntList symbols = new IntList(word.length() + 4);
    // An unknown character waits for the next known one, as in the reference: behind bytes, too.
    boolean waiting = false;
    for (int i = 0, end; i < word.length(); i = end) {
      end = i + Character.charCount(word.codePointAt(i));
      String symbol = symbol(word, i, end);
      Integer id = vocabulary.ids().get(symbol);
      if (id != null) {
        if (waiting) symbols.add(options.unknown.getAsInt());
        waiting = false;
        symbols.add(id);
      } else if (!(options.byteFallback && bytes.spell(symbol, symbols))
          && options.unknown.isPresent()) {
        if (waiting && !options.fuseUnknown) symbols.add(options.unknown.getAsInt());
        waiting = true;
      }
    }
    if (waiting) symbols.add(options.unknown.getAsInt());
    return vocabulary.ranks().merge(symbols.toArray());
  }

  private String symbol(String word, int from, int to) {
    String symbol = word.substring(from, to);
    if (from > 0 && !options.prefix.isEmpty()) symbol = options.prefix + symbol;
    return to == word.length() && !options.suffix.isEmpty() ? symbol + options.suffix : symbol;
  }
}

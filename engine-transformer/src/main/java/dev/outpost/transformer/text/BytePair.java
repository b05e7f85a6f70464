package dev.outpost.transformer.text;

import java.nio.charset.StandardCharsets;
import java.text.Normalizer;
import java.util.ArrayList;
import java.util.Collections;
import java.util.Comparator;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.OptionalInt;
import java.util.SequencedMap;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;

/**
 * Byte-level byte-pair encoding as GPT-2, OPT, BLOOM, Llama 3 and Qwen use it, id for id equal to
 * the Hugging Face tokenizers library (Radford et al. 2019, section 2.2).
 *
 * <p>Text is searched for added tokens, cut into words, each word spelled as UTF-8 bytes, and the
 * bytes merged by rank. Read one with {@link TokenizerFiles#load}, train one with {@link
 * BytePairTrainer}.
 */
public final class BytePair implements Tokenizer {
  private static final byte[] NONE = {};

  private final Settings settings;
  private final @Nullable String[] tokens;
  private final Map<String, Integer> addedIds;
  private final Map<Integer, String> foundBy;
  private final int[] byteIds;
  private final MergeRanks ranks;
  private final AddedTokenFinder verbatim;
  private final AddedTokenFinder normalized;
  private final WordCache cache = new WordCache();

  /**
   * What a tokenizer is made of.
   *
   * @param added in order of id, each id either the vocabulary's for that text or its own
   * @param nfc whether text is first brought into Unicode normal form C
   * @param wholeWords whether a word that is itself a token is never merged from bytes
   * @param postProcessor as tokenizer.json holds it; only kept for writing
   */
  record Settings(
      Vocabulary vocabulary,
      List<AddedToken> added,
      PreTokenizer preTokenizer,
      boolean nfc,
      boolean wholeWords,
      TokenRoles roles,
      @Nullable Object postProcessor) {

    Settings withRoles(TokenRoles other) {
      return new Settings(vocabulary, added, preTokenizer, nfc, wholeWords, other, postProcessor);
    }
  }

  BytePair(Settings settings) {
    this.settings = settings;
    addedIds = new HashMap<>();
    foundBy = new HashMap<>();
    byteIds = new int[256];
    Vocabulary vocabulary = settings.vocabulary();
    int largest = vocabulary.largestId();
    for (AddedToken t : settings.added()) largest = Math.max(largest, t.id());
    tokens = new @Nullable String[largest + 1];
    vocabulary.ids().forEach((token, id) -> tokens[id] = token);
    for (AddedToken t : settings.added()) {
      tokens[t.id()] = t.content();
      addedIds.put(t.content(), t.id());
    }
    for (AddedToken t : settings.added()) {
      // The reference decodes such a token to the spelling it was found by.
      if (t.normalized()) foundBy.put(t.id(), normalize(t.content()));
    }
    for (int b = 0; b < 256; b++) {
      // Bytes that no text contains may lack a token.
      byteIds[b] = vocabulary.ids().getOrDefault(String.valueOf(ByteAlphabet.character(b)), -1);
    }
    ranks = vocabulary.ranks();
    verbatim =
        new AddedTokenFinder(
            settings.added().stream().filter(t -> !t.normalized()).toList(), AddedToken::content);
    normalized =
        new AddedTokenFinder(
            settings.added().stream().filter(AddedToken::normalized).toList(),
            t -> normalize(t.content()));
  }

  private BytePair(BytePair same, TokenRoles roles) {
    settings = same.settings.withRoles(roles);
    tokens = same.tokens;
    addedIds = same.addedIds;
    foundBy = same.foundBy;
    byteIds = same.byteIds;
    ranks = same.ranks;
    verbatim = same.verbatim;
    normalized = same.normalized;
  }

  /** The same tokenizer with other roles; tables are shared. */
  BytePair withRoles(TokenRoles roles) {
    return new BytePair(this, roles);
  }

  // Spelled when asked for: a text is short, a vocabulary is not.
  private byte[] bytes(int id) {
    if (id >= tokens.length) return NONE;
    String found = foundBy.get(id);
    return spelled(found == null ? tokens[id] : found);
  }

  private static byte[] spelled(@Nullable String token) {
    if (token == null) return NONE;
    byte[] spelled = ByteAlphabet.bytes(token);
    return spelled == null ? token.getBytes(StandardCharsets.UTF_8) : spelled;
  }

  Settings settings() {
    return settings;
  }

  @Override
  public int[] encode(String text) {
    IntList ids = new IntList(text.length() / 3 + 8);
    Consumer<String> words = word -> ids.addAll(word(word));
    Consumer<String> plain = piece -> settings.preTokenizer().split(piece, words);
    Consumer<String> unmatched = piece -> normalized.split(normalize(piece), plain, ids::add);
    verbatim.split(Characters.wellFormed(text), unmatched, ids::add);
    return ids.toArray();
  }

  private String normalize(String text) {
    return settings.nfc() ? Normalizer.normalize(text, Normalizer.Form.NFC) : text;
  }

  private int[] word(String word) {
    int[] cached = cache.get(word);
    if (cached != null) return cached;
    int[] ids = merged(word.getBytes(StandardCharsets.UTF_8));
    cache.put(word, ids);
    return ids;
  }

  private int[] merged(byte[] word) {
    if (settings.wholeWords()) {
      Integer whole = settings.vocabulary().ids().get(ByteAlphabet.spelling(word));
      if (whole != null) return new int[] {whole};
    }
    int[] symbols = new int[word.length];
    for (int i = 0; i < symbols.length; i++) symbols[i] = byteIds[word[i] & 0xFF];
    return ranks.merge(symbols);
  }

  @Override
  public Decoder decoder() {
    return new Decoder(this::bytes);
  }

  @Override
  public int vocabularySize() {
    return tokens.length;
  }

  @Override
  public OptionalInt id(String token) {
    Integer id = addedIds.get(token);
    if (id == null) id = settings.vocabulary().ids().get(token);
    return id == null ? OptionalInt.empty() : OptionalInt.of(id);
  }

  @Override
  public String token(int id) {
    String token = id < 0 || id >= tokens.length ? null : tokens[id];
    if (token == null) {
      throw new IllegalArgumentException(
          "tokenizer: no token has id " + id + "; ids lie in 0 to " + (tokens.length - 1));
    }
    return token;
  }

  @Override
  public SequencedMap<String, Integer> specialTokens() {
    List<AddedToken> special = new ArrayList<>(settings.added());
    special.removeIf(t -> !t.special());
    special.sort(Comparator.comparingInt(AddedToken::id));
    SequencedMap<String, Integer> ids = new LinkedHashMap<>();
    for (AddedToken t : special) ids.put(t.content(), t.id());
    return Collections.unmodifiableSequencedMap(ids);
  }

  @Override
  public OptionalInt endOfText() {
    String token = settings.roles().endOfText();
    return token == null ? OptionalInt.empty() : id(token);
  }
}

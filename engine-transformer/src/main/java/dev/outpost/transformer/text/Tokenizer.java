package dev.outpost.transformer.text;

import dev.outpost.transformer.text.chat.ChatTemplate;
import java.nio.file.Path;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.SequencedMap;
import org.jspecify.annotations.Nullable;

/**
 * Turns text into the token ids a model was trained on, and ids back into text.
 *
 * <p>{@link #encode(String)} adds nothing of its own: no begin-of-text, no end-of-text. Those that
 * a family's texts are framed by come with {@link #encode(String, boolean)}. Special tokens that
 * are spelled out in the text are recognised, as the reference does. Tokenizers are immutable and
 * may be used by several threads at once.
 */
public interface Tokenizer {

  /**
   * The ids of a text.
   *
   * @param text any string; unpaired surrogates count as U+FFFD
   * @return ids in reading order; empty for an empty text
   */
  int[] encode(String text);

  /**
   * The ids of a text, framed by special tokens as the tokenizer's files say: nothing for GPT-2,
   * begin-of-text first for Llama, {@code [CLS]} and {@code [SEP]} around for BERT.
   */
  default int[] encode(String text, boolean addSpecialTokens) {
    return addSpecialTokens ? encode(text, null, EncodingOptions.FRAMED).ids() : encode(text);
  }

  /**
   * One text or two, with their types, cut and filled up as asked.
   *
   * @param second null for none
   * @throws IllegalArgumentException if the truncation leaves no room
   */
  Encoding encode(String first, @Nullable String second, EncodingOptions options);

  /** Special tokens, truncation and padding as the tokenizer's files ask for them. */
  EncodingOptions options();

  /**
   * The ids from which a model goes on: a text behind the special tokens that begin one, and
   * nothing behind it. May be empty for an empty text.
   */
  int[] prompt(String text);

  /**
   * The text of some ids, special tokens spelled out. Bytes that are no UTF-8 become U+FFFD; ids
   * without a token (holes of the vocabulary, padding rows of a model) contribute no text.
   *
   * @throws IllegalArgumentException if an id is negative
   */
  default String decode(int... ids) {
    StringBuilder text = new StringBuilder();
    Decoder decoder = decoder();
    for (int id : ids) text.append(decoder.push(id));
    return text.append(decoder.finish()).toString();
  }

  /** A fresh decoder for ids that arrive one at a time. */
  Decoder decoder();

  /**
   * A decoder for ids that follow others: what it gives stands behind the others' text, so that a
   * space between them is not lost.
   */
  default Decoder decoderBehind(int... before) {
    Decoder decoder = decoder();
    for (int id : before) decoder.push(id);
    return decoder;
  }

  /** One more than the largest id: the rows an embedding table needs at least. */
  int vocabularySize();

  /** The id of a token in the vocabulary's own spelling, such as {@code Ġthe}; empty if none. */
  OptionalInt id(String token);

  /**
   * The vocabulary's own spelling of an id, such as {@code Ġthe}.
   *
   * @throws IllegalArgumentException if no token has this id
   */
  String token(int id);

  /** Tokens with a meaning beyond their text (end of text, padding, …) and their ids, by id. */
  SequencedMap<String, Integer> specialTokens();

  /** The id that begins a text, if the tokenizer's files name one. */
  OptionalInt beginOfText();

  /** The id that ends a text, if the tokenizer's files name one. */
  OptionalInt endOfText();

  /** What stands before a text without context: begin-of-text, or else end-of-text. */
  default OptionalInt beginning() {
    return beginOfText().isPresent() ? beginOfText() : endOfText();
  }

  /** {@link #prompt} of a text; one that spells out its {@link #beginning} is not begun twice. */
  default int[] begun(String text) {
    String first = beginning().stream().mapToObj(this::decode).findFirst().orElse("");
    return !first.isEmpty() && text.startsWith(first) ? encode(text) : prompt(text);
  }

  /** How this model's family writes a conversation as text, if the tokenizer's files say. */
  default Optional<ChatTemplate> chatTemplate() {
    return Optional.empty();
  }

  /**
   * Checks that a model has a row for every token.
   *
   * @param modelVocabulary rows of the model's embedding table
   * @param source the file or folder this tokenizer came from, for the message
   * @throws IllegalArgumentException if some token's id is not below {@code modelVocabulary}
   */
  default void requireFits(int modelVocabulary, Path source) {
    int size = vocabularySize();
    if (size <= modelVocabulary) return;
    throw new IllegalArgumentException(
        "tokenizer "
            + source
            + ": largest token id is "
            + (size - 1)
            + " ("
            + token(size - 1)
            + "), but the model's vocabulary has only "
            + modelVocabulary
            + " rows (ids 0 to "
            + (modelVocabulary - 1)
            + "); use the tokenizer the model was trained with, or give the model at least "
            + size
            + " rows");
  }
}

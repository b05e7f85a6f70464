package dev.outpost.transformer.text;

import java.nio.charset.StandardCharsets;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.OptionalInt;

/**
 * The vocabulary of SentencePiece: texts with scores and kinds, the place in the list being the id.
 * A space is {@value #SPACE} in them.
 */
final class Pieces {
  /** What stands for a space. */
  static final String SPACE = "\u2581";

  /** What a piece is for; numbered as in SentencePiece's and GGUF's files. */
  enum Kind {
    NORMAL(1),
    UNKNOWN(2),
    CONTROL(3),
    USER_DEFINED(4),
    UNUSED(5),
    BYTE(6);

    private final int number;

    Kind(int number) {
      this.number = number;
    }

    /** The kind of a number, from 1. */
    static Kind of(int number) {
      return values()[number - 1];
    }

    int number() {
      return number;
    }

    /** Whether SentencePiece builds such pieces of characters. */
    boolean spells() {
      return this == NORMAL || this == USER_DEFINED || this == UNUSED;
    }
  }

  /** One of them; the higher the score the earlier it is built. */
  record Piece(String text, float score, Kind kind) {}

  private final List<Piece> all;
  private final Map<String, Integer> ids;
  private final OptionalInt unknown;
  private final boolean byteFallback;
  private final ByteTokens bytes;

  /**
   * @param all no text twice, none empty
   * @param unknown stands for characters without a piece
   * @param byteFallback whether bytes stand for such characters instead
   */
  Pieces(List<Piece> all, OptionalInt unknown, boolean byteFallback) {
    this.all = List.copyOf(all);
    this.unknown = unknown;
    this.byteFallback = byteFallback;
    ids = LinkedHashMap.newLinkedHashMap(all.size());
    for (int id = 0; id < all.size(); id++) ids.put(all.get(id).text(), id);
    bytes = new ByteTokens(ids);
  }

  List<Piece> all() {
    return all;
  }

  Piece get(int id) {
    return all.get(id);
  }

  Map<String, Integer> ids() {
    return ids;
  }

  OptionalInt unknown() {
    return unknown;
  }

  boolean byteFallback() {
    return byteFallback;
  }

  /** Those of some kinds by text. */
  Map<String, Integer> ids(java.util.function.Predicate<Kind> kinds) {
    Map<String, Integer> some = new LinkedHashMap<>();
    ids.forEach((text, id) -> {
      if (kinds.test(get(id).kind())) some.put(text, id);
    });
    return some;
  }

  /** One text on its way to ids: unknown characters in a row are one. */
  final class Spelling {
    private final IntList out;
    private boolean behindUnknown;

    Spelling(IntList out) {
      this.out = out;
    }

    /** Adds a piece, or what stands for a text that is none. */
    void add(String text) {
      Integer id = ids.get(text);
      if (id != null && get(id).kind() != Kind.UNKNOWN) {
        out.add(id);
        behindUnknown = false;
        return;
      }
      if (byteFallback && bytes.spell(text, out)) return;
      if (!behindUnknown) out.add(unknown.orElseThrow(() -> lacking(text)));
      behindUnknown = true;
    }

    private static IllegalArgumentException lacking(String text) {
      return new IllegalArgumentException(
          "tokenizer: no piece for \"" + text + "\", and the vocabulary has none for unknown text");
    }
  }

  /** UTF-8 with each byte a char, for tries over bytes. */
  static String utf8(String text) {
    return new String(text.getBytes(StandardCharsets.UTF_8), StandardCharsets.ISO_8859_1);
  }
}

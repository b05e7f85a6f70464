package dev.outpost.transformer.text;

import static dev.outpost.transformer.text.TokenizerWriter.object;

import java.util.ArrayList;
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.OptionalInt;
import org.jspecify.annotations.Nullable;

/** The {@code model} of a tokenizer.json, for each kind that the reference computes alike. */
final class ModelJson {
  private ModelJson() {}

  /**
   * The fields of a model.
   *
   * @throws IllegalArgumentException if the reference has no such model
   */
  static Map<String, @Nullable Object> of(Model model) {
    return switch (model) {
      case ByteLevelBpe m ->
          bpe(m.ids(), spaced(m.vocabulary()), null, null, m.wholeWords(), null, false, false);
      case CharacterBpe m -> {
        CharacterBpe.Options o = m.options();
        List<List<String>> merges = new ArrayList<>();
        for (Vocabulary.Merge merge : m.vocabulary().merges())
          merges.add(List.of(merge.left(), merge.right()));
        yield bpe(
            m.ids(),
            merges,
            o.prefix(),
            o.suffix(),
            o.wholeWords(),
            token(m.ids(), o.unknown()),
            o.fuseUnknown(),
            o.byteFallback());
      }
      case ScoredBpe m ->
          bpe(
              m.ids(),
              merges(m.pieces()),
              null,
              null,
              false,
              token(m.ids(), m.pieces().unknown()),
              true,
              m.pieces().byteFallback());
      case Unigram m -> {
        List<Object> vocab = new ArrayList<>();
        for (int id = 0; id < m.tokens().size(); id++)
          vocab.add(List.of(m.tokens().get(id), m.score(id)));
        yield object(
            "type",
            "Unigram",
            "unk_id",
            m.unknown().isPresent() ? m.unknown().getAsInt() : null,
            "vocab",
            vocab,
            "byte_fallback",
            m.byteFallback());
      }
      case WordPiece m ->
          object(
              "type",
              "WordPiece",
              "unk_token",
              token(m.ids(), OptionalInt.of(m.unknown())),
              "continuing_subword_prefix",
              m.prefix(),
              "max_input_chars_per_word",
              m.longestWord(),
              "vocab",
              byId(m.ids()));
      case WordLevel m ->
          object(
              "type",
              "WordLevel",
              "vocab",
              byId(m.ids()),
              "unk_token",
              token(m.ids(), OptionalInt.of(m.unknown())));
      case ScoredUnigram m ->
          throw new IllegalArgumentException(
              "save: tokenizer.json computes unigram models otherwise than SentencePiece; copy the"
                  + " files of this tokenizer, "
                  + m.ids().size()
                  + " pieces");
    };
  }

  private static Map<String, @Nullable Object> bpe(
      Map<String, Integer> ids,
      List<?> merges,
      @Nullable String prefix,
      @Nullable String suffix,
      boolean wholeWords,
      @Nullable String unknown,
      boolean fuseUnknown,
      boolean byteFallback) {
    return object(
        "type",
        "BPE",
        "dropout",
        null,
        "unk_token",
        unknown,
        "continuing_subword_prefix",
        prefix == null || prefix.isEmpty() ? null : prefix,
        "end_of_word_suffix",
        suffix == null || suffix.isEmpty() ? null : suffix,
        "fuse_unk",
        fuseUnknown,
        "byte_fallback",
        byteFallback,
        "ignore_merges",
        wholeWords,
        "vocab",
        byId(ids),
        "merges",
        merges);
  }

  static Map<String, Integer> byId(Map<String, Integer> ids) {
    Map<String, Integer> sorted = LinkedHashMap.newLinkedHashMap(ids.size());
    ids.entrySet().stream()
        .sorted(Map.Entry.comparingByValue())
        .forEach(e -> sorted.put(e.getKey(), e.getValue()));
    return sorted;
  }

  // Byte characters include no space, so "a b" is unambiguous, and old readers know no other form.
  static List<String> spaced(Vocabulary vocabulary) {
    return vocabulary.merges().stream().map(m -> m.left() + " " + m.right()).toList();
  }

  /** Every two pieces that make a third, the highest score first. */
  private static List<List<String>> merges(Pieces pieces) {
    List<List<String>> merges = new ArrayList<>();
    List<Pieces.Piece> made = new ArrayList<>(pieces.all());
    made.sort(Comparator.comparingDouble((Pieces.Piece p) -> -p.score()));
    for (Pieces.Piece piece : made) {
      String text = piece.text();
      if (piece.kind() == Pieces.Kind.BYTE) continue;
      for (int cut = text.offsetByCodePoints(0, 1);
          cut < text.length();
          cut = text.offsetByCodePoints(cut, 1)) {
        String left = text.substring(0, cut);
        String right = text.substring(cut);
        if (pieces.ids().containsKey(left) && pieces.ids().containsKey(right))
          merges.add(List.of(left, right));
      }
    }
    return merges;
  }

  private static @Nullable String token(Map<String, Integer> ids, OptionalInt id) {
    if (id.isEmpty()) return null;
    for (Map.Entry<String, Integer> e : ids.entrySet())
      if (e.getValue() == id.getAsInt()) return e.getKey();
    return null;
  }
}

package dev.outpost.transformer.text;

import dev.outpost.tensor.io.FormatException;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.OptionalInt;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/**
 * SentencePiece's own file, tokenizer.model: a ModelProto of sentencepiece_model.proto. Fields that
 * only tell how it was trained are passed over.
 */
final class SentencePieceModel {
  private static final long MAX_BYTES = 256L << 20;
  private static final int UNIGRAM = 1;
  private static final int BPE = 2;

  private final Path file;
  private final List<Pieces.Piece> pieces = new ArrayList<>();
  private int type = UNIGRAM;
  private boolean byteFallback;
  private boolean whitespaceAsSuffix;
  private boolean addDummyPrefix = true;
  private boolean removeExtraWhitespaces = true;
  private boolean escapeWhitespaces = true;
  private byte[] table = new byte[0];
  // By role, as the trainer names them where the file does not.
  private final Map<Integer, String> named =
      new HashMap<>(Map.of(46, "<s>", 47, "</s>", 48, "<pad>"));

  private SentencePieceModel(Path file) {
    this.file = file;
  }

  /**
   * Reads such a file.
   *
   * @throws FormatException if it is none, contradicts itself, or asks for what is not supported
   */
  static SentencePieceModel read(Path file) throws IOException {
    if (Files.size(file) > MAX_BYTES)
      throw new FormatException(file + ": has " + Files.size(file) + " bytes; too many");
    SentencePieceModel model = new SentencePieceModel(file);
    ProtoMessage in = new ProtoMessage(file, Files.readAllBytes(file));
    while (in.next()) {
      switch (in.number()) {
        case 1 -> model.piece(in.message());
        case 2 -> model.trainer(in.message());
        case 3 -> model.normalizer(in.message());
        default -> {}
      }
    }
    model.check();
    return model;
  }

  private void piece(ProtoMessage in) throws FormatException {
    String text = "";
    float score = 0;
    Pieces.Kind kind = Pieces.Kind.NORMAL;
    while (in.next()) {
      switch (in.number()) {
        case 1 -> text = in.text();
        case 2 -> score = in.decimal();
        case 3 -> {
          int number = in.integer();
          if (number < 1 || number > Pieces.Kind.values().length)
            throw in.wrong("is " + number, "types of pieces lie in 1 … 6");
          kind = Pieces.Kind.of(number);
        }
        default -> {}
      }
    }
    int id = pieces.size();
    if (text.isEmpty()) throw wrong("piece " + id + " is empty");
    if (!Float.isFinite(score)) throw wrong("piece " + id + " has the score " + score);
    if (id > VocabularyReader.MAX_ID) throw wrong("has more than " + id + " pieces");
    pieces.add(new Pieces.Piece(text, score, kind));
  }

  private void trainer(ProtoMessage in) throws FormatException {
    while (in.next()) {
      switch (in.number()) {
        case 3 -> type = in.integer();
        case 24 -> whitespaceAsSuffix = in.flag();
        case 35 -> byteFallback = in.flag();
        case 46, 47, 48 -> named.put(in.number(), in.text());
        default -> {}
      }
    }
  }

  private void normalizer(ProtoMessage in) throws FormatException {
    while (in.next()) {
      switch (in.number()) {
        case 2 -> table = in.bytes();
        case 3 -> addDummyPrefix = in.flag();
        case 4 -> removeExtraWhitespaces = in.flag();
        case 5 -> escapeWhitespaces = in.flag();
        default -> {}
      }
    }
  }

  private void check() throws FormatException {
    if (pieces.isEmpty()) throw wrong("has no pieces; it is no tokenizer of SentencePiece");
    if (type != UNIGRAM && type != BPE)
      throw wrong("trainer_spec.model_type is " + type + "; supported are 1 (unigram) and 2 (BPE)");
    Set<String> seen = HashSet.newHashSet(pieces.size());
    int[] count = new int[Pieces.Kind.values().length + 1];
    for (Pieces.Piece p : pieces) {
      if (!seen.add(p.text())) throw wrong("has the piece \"" + p.text() + "\" twice");
      count[p.kind().number()]++;
      if (p.kind() == Pieces.Kind.BYTE && ByteTokens.value(p.text()) < 0)
        throw wrong("has the byte piece \"" + p.text() + "\"; expected one such as <0x0A>");
    }
    int unknown = count[Pieces.Kind.UNKNOWN.number()];
    if (unknown != 1) throw wrong("has " + unknown + " pieces for unknown text; expected one");
    int bytes = count[Pieces.Kind.BYTE.number()];
    if (bytes != (byteFallback ? 256 : 0))
      throw wrong(
          "has " + bytes + " byte pieces while trainer_spec.byte_fallback is " + byteFallback);
    if (type == UNIGRAM && count[Pieces.Kind.NORMAL.number()] == 0)
      throw wrong("has no normal piece");
  }

  private FormatException wrong(String what) {
    return new FormatException(file + ": " + what);
  }

  boolean isUnigram() {
    return type == UNIGRAM;
  }

  /** Everything but what other files add. Pieces that control are found in the text, too. */
  PipelineTokenizer.Settings settings(List<AddedToken> more) throws FormatException {
    Pieces all = new Pieces(pieces, OptionalInt.of(unknown()), byteFallback);
    List<AddedToken> added = new ArrayList<>();
    Set<String> known = new HashSet<>();
    more.forEach(t -> known.add(t.content()));
    for (int id = 0; id < pieces.size(); id++) {
      Pieces.Piece p = pieces.get(id);
      boolean special = p.kind() == Pieces.Kind.CONTROL || p.kind() == Pieces.Kind.UNKNOWN;
      if (special && !known.contains(p.text())) added.add(AddedToken.special(p.text(), id));
    }
    added.addAll(more);
    return new PipelineTokenizer.Settings(
        type == BPE ? ScoredBpe.of(all) : new ScoredUnigram(all), added, stages(all), roles());
  }

  private Stages stages(Pieces all) throws FormatException {
    Map<String, Integer> own = all.ids(kind -> kind == Pieces.Kind.USER_DEFINED);
    Stages plain = Stages.sentencePiece(addDummyPrefix);
    boolean simple =
        table.length == 0
            && !removeExtraWhitespaces
            && escapeWhitespaces
            && own.isEmpty()
            && !(whitespaceAsSuffix && addDummyPrefix);
    if (simple) return plain;
    SentencePieceNormalizer.Options options =
        new SentencePieceNormalizer.Options(
            addDummyPrefix, removeExtraWhitespaces, escapeWhitespaces, whitespaceAsSuffix);
    try {
      Precompiled map = table.length == 0 ? null : Precompiled.of(table);
      return plain.withNormalizer(new SentencePieceNormalizer(options, map, own));
    } catch (IllegalArgumentException e) {
      throw new FormatException(
          file + ": normalizer_spec.precompiled_charsmap: " + e.getMessage(), e);
    }
  }

  int unknown() {
    for (int id = 0; id < pieces.size(); id++)
      if (pieces.get(id).kind() == Pieces.Kind.UNKNOWN) return id;
    throw new IllegalStateException();
  }

  Map<String, Integer> ids() {
    Map<String, Integer> ids = HashMap.newHashMap(pieces.size());
    for (int id = 0; id < pieces.size(); id++) ids.put(pieces.get(id).text(), id);
    return ids;
  }

  private TokenRoles roles() {
    return new TokenRoles(role(46), role(47), pieces.get(unknown()).text(), role(48));
  }

  private @Nullable String role(int field) {
    String text = named.get(field);
    boolean known =
        pieces.stream().anyMatch(p -> p.kind() == Pieces.Kind.CONTROL && p.text().equals(text));
    return known ? text : null;
  }
}

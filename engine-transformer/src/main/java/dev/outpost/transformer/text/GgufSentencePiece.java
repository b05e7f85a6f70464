package dev.outpost.transformer.text;

import dev.outpost.tensor.io.FormatException;
import dev.outpost.tensor.io.GgufMetadata;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.OptionalInt;
import java.util.Set;

/** The tokenizer that GGUF files call llama: SentencePiece's BPE as llama.cpp computes it. */
final class GgufSentencePiece {
  private static final String PREFIX = GgufTokenizer.PREFIX;

  private GgufSentencePiece() {}

  static PipelineTokenizer read(GgufMetadata m, TokenRoles roles) throws FormatException {
    List<Pieces.Piece> all = pieces(m);
    OptionalInt unknown = OptionalInt.empty();
    if (m.has(PREFIX + "unknown_token_id"))
      unknown = OptionalInt.of(m.integer(PREFIX + "unknown_token_id", 0, all.size() - 1));
    List<AddedToken> added = new ArrayList<>();
    for (int id = 0; id < all.size(); id++) {
      String text = all.get(id).text();
      switch (all.get(id).kind()) {
        case CONTROL, UNKNOWN -> added.add(AddedToken.special(text, id));
        case USER_DEFINED -> added.add(new AddedToken(text, id, false, false, false, false, false));
        case NORMAL, UNUSED, BYTE -> {}
      }
    }
    Pieces pieces = new Pieces(all, unknown, true);
    Stages stages = Stages.sentencePiece(m.flag(PREFIX + "add_space_prefix", true));
    return new PipelineTokenizer(
            new PipelineTokenizer.Settings(ScoredBpe.ofAll(pieces), added, stages, roles))
        .framed(m.flag(PREFIX + "add_bos_token", true), m.flag(PREFIX + "add_eos_token", false));
  }

  private static List<Pieces.Piece> pieces(GgufMetadata m) throws FormatException {
    List<String> tokens = m.texts(PREFIX + "tokens");
    List<Double> scores = m.decimals(PREFIX + "scores");
    List<Long> types = m.integers(PREFIX + "token_type");
    same(m, "scores", scores.size(), tokens.size());
    same(m, "token_type", types.size(), tokens.size());
    List<Pieces.Piece> all = new ArrayList<>(tokens.size());
    Set<String> seen = HashSet.newHashSet(tokens.size());
    for (int id = 0; id < tokens.size(); id++) {
      long type = types.get(id);
      if (type < 1 || type > Pieces.Kind.values().length)
        throw m.wrong(PREFIX + "token_type", "has " + type + " for id " + id + "; expected 1 … 6");
      if (tokens.get(id).isEmpty())
        throw m.wrong(PREFIX + "tokens", "has an empty token, id " + id);
      if (!seen.add(tokens.get(id)))
        throw m.wrong(PREFIX + "tokens", "has \"" + tokens.get(id) + "\" twice, once as id " + id);
      float score = scores.get(id).floatValue();
      if (Float.isNaN(score)) throw m.wrong(PREFIX + "scores", "has no number for id " + id);
      all.add(new Pieces.Piece(tokens.get(id), score, Pieces.Kind.of((int) type)));
    }
    return all;
  }

  private static void same(GgufMetadata m, String key, int size, int tokens)
      throws FormatException {
    if (size != tokens)
      throw m.wrong(PREFIX + key, "has " + size + " entries, tokenizer.ggml.tokens has " + tokens);
  }
}

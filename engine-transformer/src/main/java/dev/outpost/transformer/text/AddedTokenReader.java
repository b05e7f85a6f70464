package dev.outpost.transformer.text;

import dev.outpost.tensor.io.FormatException;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import org.jspecify.annotations.Nullable;

/** Collects added tokens from the places that declare them and keeps them free of conflicts. */
final class AddedTokenReader {
  private final Map<String, Integer> vocabulary;
  private @Nullable Map<Integer, String> vocabularyTokens;
  private final Map<String, AddedToken> byContent = new HashMap<>();
  private final TreeMap<Integer, AddedToken> byId = new TreeMap<>();

  AddedTokenReader(Map<String, Integer> vocabulary) {
    this.vocabulary = vocabulary;
  }

  /** Adds what {@code declared} describes: an object with content and flags. */
  void add(Json declared, int id, boolean specialByDefault) throws FormatException {
    Json content = declared.get("content");
    boolean special = declared.get("special").flag(specialByDefault);
    put(
        content,
        new AddedToken(
            content.text(),
            id,
            declared.get("single_word").flag(false),
            declared.get("lstrip").flag(false),
            declared.get("rstrip").flag(false),
            declared.get("normalized").flag(!special),
            special));
  }

  /** Adds a token of which only text and id are known. */
  void add(Json where, String content, int id, boolean special) throws FormatException {
    put(where, new AddedToken(content, id, false, false, false, !special, special));
  }

  /** Adds a special token of the vocabulary that no file declares. */
  void addSpecial(String content, int id) {
    AddedToken token = AddedToken.special(content, id);
    byContent.put(content, token);
    byId.put(id, token);
  }

  boolean contains(String content) {
    return byContent.containsKey(content);
  }

  private void put(Json where, AddedToken token) throws FormatException {
    if (token.content().isEmpty()) throw where.wrong("an added token must not be empty", "");
    Integer known = vocabulary.get(token.content());
    if (known != null && known != token.id()) {
      throw where.wrong(
          "the added token's id is " + token.id() + ", but the vocabulary gives this text " + known,
          "use the vocabulary's id");
    }
    // A token of the vocabulary owns its id, which no other has.
    String taken = known != null ? null : vocabularyToken(token.id());
    if (taken != null) {
      throw where.wrong(
          "the added token's id " + token.id() + " belongs to \"" + taken + "\" in the vocabulary",
          "give the added token an id of its own");
    }
    AddedToken sameId = byId.putIfAbsent(token.id(), token);
    if (sameId != null) {
      throw where.wrong(
          "the added token's id " + token.id() + " belongs to \"" + sameId.content() + "\" already",
          "give each added token an id of its own");
    }
    AddedToken sameContent = byContent.putIfAbsent(token.content(), token);
    if (sameContent != null) {
      throw where.wrong("this token is added twice, also as id " + sameContent.id(), "keep one");
    }
  }

  /** Made when first asked: most files add only tokens that the vocabulary has. */
  private @Nullable String vocabularyToken(int id) {
    Map<Integer, String> tokens = vocabularyTokens;
    if (tokens == null) {
      tokens = new HashMap<>();
      for (Map.Entry<String, Integer> e : vocabulary.entrySet())
        tokens.put(e.getValue(), e.getKey());
      vocabularyTokens = tokens;
    }
    return tokens.get(id);
  }

  /** The tokens in order of id. */
  List<AddedToken> tokens() {
    return List.copyOf(byId.values());
  }
}

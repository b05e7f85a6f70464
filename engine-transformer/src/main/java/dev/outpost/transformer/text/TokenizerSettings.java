package dev.outpost.transformer.text;

import dev.outpost.tensor.io.FormatException;
import dev.outpost.transformer.text.chat.ChatTemplate;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/**
 * What tokenizer_config.json and special_tokens_map.json say, the former first. Both may be absent.
 */
final class TokenizerSettings {
  private static final String CONFIG = "tokenizer_config.json";
  private static final List<String> ROLES =
      List.of(
          "bos_token",
          "eos_token",
          "unk_token",
          "pad_token",
          "sep_token",
          "cls_token",
          "mask_token");
  private final Path folder;
  private final List<Json> sources = new ArrayList<>();
  private final @Nullable Json config;

  TokenizerSettings(Path folder) throws IOException {
    this.folder = folder;
    Path file = folder.resolve(CONFIG);
    config = Files.exists(file) ? Json.read(file) : null;
    if (config != null) sources.add(config);
    Path map = folder.resolve("special_tokens_map.json");
    if (Files.exists(map)) sources.add(Json.read(map));
  }

  /** A field of tokenizer_config.json, if it is there and not null. */
  Optional<Json> config(String field) throws FormatException {
    if (config == null || config.get(field).isNull()) return Optional.empty();
    return Optional.of(config.get(field));
  }

  /** The token of a role such as eos_token: a text, or an object with content and flags. */
  Optional<Json> role(String role) throws FormatException {
    for (Json source : sources) {
      Json token = source.get(role);
      if (!token.isNull()) return Optional.of(token);
    }
    return Optional.empty();
  }

  /** Every token named by a role or listed as an additional special token. */
  List<Json> specialTokens() throws FormatException {
    List<Json> tokens = new ArrayList<>();
    for (String role : ROLES) {
      role(role).ifPresent(tokens::add);
    }
    Optional<Json> more = role("additional_special_tokens");
    if (more.isPresent()) tokens.addAll(more.get().items());
    return tokens;
  }

  /**
   * The template of chat_template.jinja, or of chat_template in tokenizer_config.json: a text, or a
   * list of which the one named default counts.
   */
  Optional<ChatTemplate> chatTemplate() throws IOException {
    Path file = folder.resolve("chat_template.jinja");
    String template = Files.exists(file) ? Json.text(file) : null;
    Path source = template == null ? folder.resolve(CONFIG) : file;
    Optional<Json> field = config("chat_template");
    if (template == null && field.isPresent()) {
      if (field.get().isText()) template = field.get().text();
      else template = named(field.get());
    }
    if (template == null) return Optional.empty();
    try {
      return Optional.of(ChatTemplate.of(template, templateTokens()));
    } catch (FormatException e) {
      throw new FormatException(source + ": " + e.getMessage(), e);
    }
  }

  private static @Nullable String named(Json list) throws FormatException {
    for (Json item : list.items()) {
      if (item.get("name").text().equals("default")) return item.get("template").text();
    }
    return null;
  }

  private Map<String, String> templateTokens() throws FormatException {
    Map<String, String> tokens = new HashMap<>();
    for (String role : ROLES) {
      Optional<Json> token = role(role);
      if (token.isPresent()) tokens.put(role, content(token.get()));
    }
    return tokens;
  }

  static String content(Json token) throws FormatException {
    return token.isText() ? token.text() : token.get("content").text();
  }

  /**
   * The roles of a tokenizer's tokens. A role whose token is unknown is left open, but for the end
   * of text, without which generation and training go wrong silently.
   */
  TokenRoles roles(Tokenizer tokenizer) throws FormatException {
    Optional<Json> end = role("eos_token");
    if (end.isPresent() && tokenizer.id(content(end.get())).isEmpty()) {
      throw end.get()
          .wrong(
              "the token that ends a text must be in the vocabulary or among the added tokens",
              "name one that is, or add it to tokenizer.json");
    }
    return new TokenRoles(
        known(tokenizer, "bos_token"),
        end.isPresent() ? content(end.get()) : customaryEnd(tokenizer),
        known(tokenizer, "unk_token"),
        known(tokenizer, "pad_token"));
  }

  private @Nullable String known(Tokenizer tokenizer, String role) throws FormatException {
    Optional<Json> token = role(role);
    if (token.isEmpty()) return null;
    String content = content(token.get());
    return tokenizer.id(content).isPresent() ? content : null;
  }

  private static @Nullable String customaryEnd(Tokenizer tokenizer) {
    for (String token : List.of(BytePairTrainer.END_OF_TEXT, "<|end_of_text|>", "</s>")) {
      if (tokenizer.specialTokens().containsKey(token)) return token;
    }
    return null;
  }
}

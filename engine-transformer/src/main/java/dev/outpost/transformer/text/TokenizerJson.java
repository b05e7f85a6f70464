package dev.outpost.transformer.text;

import dev.outpost.tensor.io.FormatException;

/**
 * Reads the tokenizer.json of the Hugging Face tokenizers library. What could change an id is
 * either understood or refused.
 */
final class TokenizerJson {
  private TokenizerJson() {}

  /** Everything but the roles of tokens, which other files name. */
  static PipelineTokenizer.Settings read(Json root, TokenRoles roles) throws FormatException {
    if (!root.get("version").isNull() && !root.get("version").text().equals("1.0")) {
      throw root.get("version").wrong("must be \"1.0\"", "");
    }
    Stages stages = Stages.read(root);
    Model model = ModelReader.read(root.get("model"), stages.endsInByteLevel());
    if (model instanceof ByteLevelBpe) stages = stages.unspelled();
    AddedTokenReader added = new AddedTokenReader(model.ids());
    if (!root.get("added_tokens").isNull()) {
      for (Json token : root.get("added_tokens").items()) {
        added.add(token, token.get("id").integer(0, VocabularyReader.MAX_ID), false);
      }
    }
    return new PipelineTokenizer.Settings(model, added.tokens(), stages, roles);
  }
}

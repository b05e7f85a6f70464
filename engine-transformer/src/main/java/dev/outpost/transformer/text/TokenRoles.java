package dev.outpost.transformer.text;

import org.jspecify.annotations.Nullable;

/** Which tokens play a named part, in the vocabulary's spelling; null where none does. */
record TokenRoles(
    @Nullable String beginOfText,
    @Nullable String endOfText,
    @Nullable String unknown,
    @Nullable String padding) {

  static TokenRoles endOfText(@Nullable String token) {
    return new TokenRoles(null, token, null, null);
  }
}

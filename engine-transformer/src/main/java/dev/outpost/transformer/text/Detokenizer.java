package dev.outpost.transformer.text;

import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.function.Consumer;

/**
 * Makes text of tokens. Each kind works as they come: what it hands on never has to be taken back,
 * and all that it hands on is what the reference makes of all tokens at once.
 */
sealed interface Detokenizer {

  /** One decoding under way; belongs to one thread. */
  interface Run {
    void push(String token, Consumer<String> out);

    /** No more tokens come. */
    default void finish(Consumer<String> out) {}
  }

  /**
   * Starts a decoding.
   *
   * @param fused whether what comes are the parts of one token, made so by an earlier step
   */
  Run start(boolean fused);

  /** Whether what this hands on are the parts of one token. */
  default boolean fuses() {
    return false;
  }

  /** Several, one after the other. */
  record Sequence(List<Detokenizer> steps) implements Detokenizer {
    @Override
    public Run start(boolean fused) {
      Run run = (token, out) -> out.accept(token);
      boolean parts = fused;
      for (Detokenizer step : steps) {
        run = then(run, step.start(parts));
        parts |= step.fuses();
      }
      return run;
    }

    private static Run then(Run first, Run second) {
      return new Run() {
        @Override
        public void push(String token, Consumer<String> out) {
          first.push(token, t -> second.push(t, out));
        }

        @Override
        public void finish(Consumer<String> out) {
          first.finish(t -> second.push(t, out));
          second.finish(out);
        }
      };
    }

    @Override
    public boolean fuses() {
      return steps.stream().anyMatch(Detokenizer::fuses);
    }
  }

  /** Without a decoder the reference sets tokens side by side. */
  record Spaced() implements Detokenizer {
    @Override
    public Run start(boolean fused) {
      return new Run() {
        private boolean first = true;

        @Override
        public void push(String token, Consumer<String> out) {
          out.accept(first || fused ? token : " " + token);
          first = false;
        }
      };
    }
  }

  /** Spelled bytes of all tokens, read as UTF-8; a token with other characters is its own UTF-8. */
  record ByteLevel() implements Detokenizer {
    @Override
    public Run start(boolean fused) {
      if (fused) return new Whole(this);
      return new Run() {
        private final Utf8Reader reader = new Utf8Reader();

        @Override
        public void push(String token, Consumer<String> out) {
          byte[] bytes = ByteAlphabet.bytes(token);
          if (bytes == null) bytes = token.getBytes(StandardCharsets.UTF_8);
          StringBuilder text = new StringBuilder(bytes.length);
          for (byte b : bytes) reader.push(b & 0xFF, text);
          if (!text.isEmpty()) out.accept(text.toString());
        }

        @Override
        public void finish(Consumer<String> out) {
          StringBuilder text = new StringBuilder(1);
          reader.finish(text);
          if (!text.isEmpty()) out.accept(text.toString());
        }
      };
    }

    @Override
    public boolean fuses() {
      return true;
    }
  }

  /** Tokens in a row that name bytes become text, or one U+FFFD each if they are no UTF-8. */
  record ByteFallback() implements Detokenizer {
    @Override
    public Run start(boolean fused) {
      if (fused) return new Whole(this);
      return new Run() {
        private final IntList bytes = new IntList(8);

        @Override
        public void push(String token, Consumer<String> out) {
          int value = ByteTokens.value(token);
          if (value >= 0) {
            bytes.add(value);
            return;
          }
          finish(out);
          out.accept(token);
        }

        @Override
        public void finish(Consumer<String> out) {
          if (bytes.size() == 0) return;
          StringBuilder text = new StringBuilder(bytes.size());
          if (Utf8Reader.read(bytes, text)) {
            out.accept(text.toString());
          } else {
            for (int i = 0; i < bytes.size(); i++) out.accept("\uFFFD");
          }
          bytes.clear();
        }
      };
    }
  }

  /** All tokens become one. */
  record Fuse() implements Detokenizer {
    @Override
    public Run start(boolean fused) {
      return (token, out) -> out.accept(token);
    }

    @Override
    public boolean fuses() {
      return true;
    }
  }

  /** Removes up to {@code start} and {@code stop} times a character at a token's ends. */
  record Strip(int character, int start, int stop) implements Detokenizer {
    @Override
    public Run start(boolean fused) {
      if (fused && stop > 0) return new Whole(this);
      return new Run() {
        private int left = start;

        @Override
        public void push(String token, Consumer<String> out) {
          if (!fused) left = start;
          int from = 0;
          while (left > 0 && from < token.length() && token.codePointAt(from) == character) {
            from += Character.charCount(character);
            left--;
          }
          if (from < token.length()) left = 0;
          int to = token.length();
          for (int i = 0; i < stop && to > from; i++) {
            if (token.codePointBefore(to) != character) break;
            to -= Character.charCount(character);
          }
          out.accept(token.substring(from, to));
        }
      };
    }
  }

  /** Puts something else in the place of each match within a token. */
  record Replace(TextPattern pattern, String content) implements Detokenizer {
    @Override
    public Run start(boolean fused) {
      boolean single = pattern instanceof TextPattern.Literal l && l.literal().length() == 1;
      if (fused && !single) return new Whole(this);
      Normalizer.Replace replace = new Normalizer.Replace(pattern, content);
      return (token, out) -> out.accept(replace.apply(token));
    }
  }

  /**
   * Makes spaces of Metaspace's signs.
   *
   * @param dropsFirst whether those of the first token vanish instead
   */
  record Metaspace(String sign, boolean dropsFirst) implements Detokenizer {
    @Override
    public Run start(boolean fused) {
      return new Run() {
        private boolean first = true;

        @Override
        public void push(String token, Consumer<String> out) {
          out.accept(token.replace(sign, first && dropsFirst ? "" : " "));
          first &= fused;
        }
      };
    }
  }

  /** BERT's: tokens with the prefix join what stands before, others follow a space. */
  record WordPiece(String prefix, boolean cleanup) implements Detokenizer {
    // In the reference's order, which matters.
    private static final List<List<String>> CLEAN =
        List.of(
            List.of(" .", "."),
            List.of(" ?", "?"),
            List.of(" !", "!"),
            List.of(" ,", ","),
            List.of(" ' ", "'"),
            List.of(" n't", "n't"),
            List.of(" 'm", "'m"),
            List.of(" do not", " don't"),
            List.of(" 's", "'s"),
            List.of(" 've", "'ve"),
            List.of(" 're", "'re"));

    @Override
    public Run start(boolean fused) {
      if (fused) return new Whole(this);
      return new Run() {
        private boolean first = true;

        @Override
        public void push(String token, Consumer<String> out) {
          String text = token;
          if (!first) {
            text = token.startsWith(prefix) ? token.substring(prefix.length()) : " " + token;
          }
          first = false;
          if (cleanup) for (List<String> c : CLEAN) text = text.replace(c.get(0), c.get(1));
          out.accept(text);
        }
      };
    }
  }

  /** The suffix that ends a word becomes a space, but at the end of the text. */
  record WordSuffix(String suffix) implements Detokenizer {
    @Override
    public Run start(boolean fused) {
      if (fused) return new Whole(this);
      return new Run() {
        private String held = "";
        private boolean any;

        @Override
        public void push(String token, Consumer<String> out) {
          if (any) out.accept(held.replace(suffix, " "));
          held = token;
          any = true;
        }

        @Override
        public void finish(Consumer<String> out) {
          if (any) out.accept(held.replace(suffix, ""));
          any = false;
        }
      };
    }
  }

  /** For a step that must see the one token whole. */
  final class Whole implements Run {
    private final Detokenizer step;
    private final StringBuilder token = new StringBuilder();

    Whole(Detokenizer step) {
      this.step = step;
    }

    @Override
    public void push(String part, Consumer<String> out) {
      token.append(part);
    }

    @Override
    public void finish(Consumer<String> out) {
      Run run = step.start(false);
      run.push(token.toString(), out);
      run.finish(out);
      token.setLength(0);
    }
  }
}

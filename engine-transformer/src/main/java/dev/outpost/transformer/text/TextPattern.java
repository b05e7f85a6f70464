package dev.outpost.transformer.text;

/** What cuts or replaces look for in a text. */
sealed interface TextPattern {

  /** Starts and ends of the matches, in order and apart. A match may be empty. */
  IntList find(String text);

  /** One literal text, not empty. */
  record Literal(String literal) implements TextPattern {
    @Override
    public IntList find(String text) {
      IntList found = new IntList(8);
      for (int at = text.indexOf(literal); at >= 0; ) {
        found.add(at);
        at += literal.length();
        found.add(at);
        at = text.indexOf(literal, at);
      }
      return found;
    }
  }

  /** Each character of a class, alone. */
  enum Each implements TextPattern {
    SPACE {
      @Override
      boolean has(int c) {
        return Characters.isSpace(c);
      }
    },
    PUNCTUATION {
      @Override
      boolean has(int c) {
        return ReferenceUnicode.PUNCTUATION.has(c);
      }
    },
    NUMERIC {
      @Override
      boolean has(int c) {
        return ReferenceUnicode.NUMERIC.has(c);
      }
    };

    abstract boolean has(int c);

    @Override
    public IntList find(String text) {
      IntList found = new IntList(8);
      for (int i = 0, c; i < text.length(); i += Character.charCount(c)) {
        c = text.codePointAt(i);
        if (!has(c)) continue;
        found.add(i);
        found.add(i + Character.charCount(c));
      }
      return found;
    }
  }

  /** A regular expression. */
  record Expression(SplitExpression expression) implements TextPattern {
    @Override
    public IntList find(String text) {
      return expression.find(text);
    }
  }
}

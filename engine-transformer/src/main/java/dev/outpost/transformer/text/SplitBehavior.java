package dev.outpost.transformer.text;

import dev.outpost.transformer.text.PreTokenizer.Words;

/** What becomes of the matches at which a text is cut. */
enum SplitBehavior {
  /** Matches vanish. */
  REMOVED("Removed"),
  /** Matches are words of their own. */
  ISOLATED("Isolated"),
  /** A match ends the word before it. */
  MERGED_WITH_PREVIOUS("MergedWithPrevious"),
  /** A match begins the word behind it. */
  MERGED_WITH_NEXT("MergedWithNext"),
  /** Matches in a row are one word. */
  CONTIGUOUS("Contiguous");

  private final String spelling;

  SplitBehavior(String spelling) {
    this.spelling = spelling;
  }

  /** As tokenizer files spell it. */
  String spelling() {
    return spelling;
  }

  void cut(String text, TextPattern pattern, boolean inverted, boolean atStart, Words words) {
    IntList found = pattern.find(text);
    if (this == ISOLATED) {
      isolate(text, found, atStart, words);
      return;
    }
    Segments segments = new Segments(text, found, inverted);
    switch (this) {
      case REMOVED -> segments.keepOthers();
      case CONTIGUOUS -> segments.join((before, match) -> before == match);
      case MERGED_WITH_PREVIOUS -> segments.join((before, match) -> match && !before);
      case MERGED_WITH_NEXT -> segments.joinBackwards();
      case ISOLATED -> throw new IllegalStateException();
    }
    segments.hand(atStart, words);
  }

  private static void isolate(String text, IntList found, boolean atStart, Words words) {
    int done = 0;
    for (int i = 0; i < found.size(); i += 2) {
      int start = found.get(i);
      int end = found.get(i + 1);
      if (start > done) words.accept(text.substring(done, start), atStart && done == 0);
      if (end > start) words.accept(text.substring(start, end), atStart && start == 0);
      done = end;
    }
    if (done < text.length()) words.accept(text.substring(done), atStart && done == 0);
  }

  /** Matches and what lies between, which together cover a text. */
  private static final class Segments {
    private interface Joins {
      boolean test(boolean before, boolean match);
    }

    private final String text;
    // Each segment's start, end, and 1 for a match.
    private final IntList all = new IntList(48);
    private final IntList kept = new IntList(32);

    Segments(String text, IntList found, boolean inverted) {
      this.text = text;
      int done = 0;
      for (int i = 0; i < found.size(); i += 2) {
        if (found.get(i) != done) add(done, found.get(i), inverted);
        add(found.get(i), found.get(i + 1), !inverted);
        done = found.get(i + 1);
      }
      if (done != text.length()) add(done, text.length(), inverted);
    }

    private void add(int start, int end, boolean match) {
      all.add(start);
      all.add(end);
      all.add(match ? 1 : 0);
    }

    private void keep(int start, int end) {
      kept.add(start);
      kept.add(end);
    }

    void keepOthers() {
      for (int i = 0; i < all.size(); i += 3) {
        if (all.get(i + 2) == 0) keep(all.get(i), all.get(i + 1));
      }
    }

    void join(Joins joins) {
      boolean before = false;
      for (int i = 0; i < all.size(); i += 3) {
        boolean match = all.get(i + 2) == 1;
        if (joins.test(before, match) && kept.size() > 0) {
          kept.set(kept.size() - 1, all.get(i + 1));
        } else {
          keep(all.get(i), all.get(i + 1));
        }
        before = match;
      }
    }

    void joinBackwards() {
      IntList reversed = new IntList(32);
      boolean behind = false;
      for (int i = all.size() - 3; i >= 0; i -= 3) {
        boolean match = all.get(i + 2) == 1;
        if (match && !behind && reversed.size() > 0) {
          reversed.set(reversed.size() - 1, all.get(i));
        } else {
          reversed.add(all.get(i + 1));
          reversed.add(all.get(i));
        }
        behind = match;
      }
      for (int i = reversed.size() - 1; i >= 0; i -= 2) keep(reversed.get(i), reversed.get(i - 1));
    }

    void hand(boolean atStart, Words words) {
      for (int i = 0; i < kept.size(); i += 2) {
        int start = kept.get(i);
        int end = kept.get(i + 1);
        if (end > start) words.accept(text.substring(start, end), atStart && start == 0);
      }
    }
  }
}

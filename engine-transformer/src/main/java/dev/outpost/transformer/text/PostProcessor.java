package dev.outpost.transformer.text;

import java.util.ArrayList;
import java.util.List;

/**
 * Where the special tokens of an encoding stand.
 *
 * @param single for one text
 * @param pair for two
 */
record PostProcessor(List<Piece> single, List<Piece> pair) {
  /** Adds nothing; a second text has type 1. */
  static final PostProcessor NONE =
      new PostProcessor(List.of(new Text(0, 0)), List.of(new Text(0, 0), new Text(1, 1)));

  /** A part of an encoding. */
  sealed interface Piece {
    /** The type of its tokens: which of two texts they belong to. */
    int typeId();
  }

  /** The text itself: the first (0) or the second (1). */
  record Text(int index, int typeId) implements Piece {}

  /** Special tokens. */
  record Special(List<Integer> ids, int typeId) implements Piece {}

  PostProcessor {
    single = List.copyOf(single);
    pair = List.copyOf(pair);
  }

  List<Piece> pieces(boolean isPair) {
    return isPair ? pair : single;
  }

  /** How many special tokens there are. */
  int added(boolean isPair) {
    int added = 0;
    for (Piece piece : pieces(isPair)) if (piece instanceof Special s) added += s.ids().size();
    return added;
  }

  /** {@code cls A sep} and {@code cls A sep B sep}, the latter's second half of type 1. */
  static PostProcessor bert(int cls, int sep) {
    List<Piece> single = List.of(special(cls, 0), new Text(0, 0), special(sep, 0));
    List<Piece> pair = new ArrayList<>(single);
    pair.add(new Text(1, 1));
    pair.add(special(sep, 1));
    return new PostProcessor(single, pair);
  }

  /** {@code cls A sep} and {@code cls A sep sep B sep}, all of type 0. */
  static PostProcessor roberta(int cls, int sep) {
    List<Piece> single = List.of(special(cls, 0), new Text(0, 0), special(sep, 0));
    List<Piece> pair = new ArrayList<>(single);
    pair.add(special(sep, 0));
    pair.add(new Text(1, 0));
    pair.add(special(sep, 0));
    return new PostProcessor(single, pair);
  }

  /** Each text between {@code before} and {@code after}. */
  static PostProcessor around(List<Integer> before, List<Integer> after) {
    List<Piece> single = new ArrayList<>();
    List<Piece> pair = new ArrayList<>();
    for (int i = 0; i < 2; i++) {
      List<Piece> one = new ArrayList<>();
      for (int id : before) one.add(special(id, i));
      one.add(new Text(i, i));
      for (int id : after) one.add(special(id, i));
      if (i == 0) single.addAll(one);
      pair.addAll(one);
    }
    return new PostProcessor(single, pair);
  }

  private static Special special(int id, int typeId) {
    return new Special(List.of(id), typeId);
  }
}

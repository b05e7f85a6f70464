package dev.outpost.transformer.text;

import java.util.Map;

/** A token for each word, and one for all others. */
record WordLevel(Map<String, Integer> ids, int unknown) implements Model {
  @Override
  public void spell(String word, IntList out) {
    out.add(ids.getOrDefault(word, unknown));
  }
}

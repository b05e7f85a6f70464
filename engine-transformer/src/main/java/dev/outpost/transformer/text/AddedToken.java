package dev.outpost.transformer.text;

/**
 * A token that is looked for in the text itself, before any cutting and merging.
 *
 * @param content the text it matches
 * @param id its id
 * @param singleWord only where no word character touches it
 * @param lstrip takes white space on its left along
 * @param rstrip takes white space on its right along
 * @param normalized looked for after normalisation, among what the others left
 * @param special has a meaning beyond its text
 */
record AddedToken(
    String content,
    int id,
    boolean singleWord,
    boolean lstrip,
    boolean rstrip,
    boolean normalized,
    boolean special) {

  /** A special token with no further conditions. */
  static AddedToken special(String content, int id) {
    return new AddedToken(content, id, false, false, false, false, true);
  }
}

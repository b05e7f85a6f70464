package dev.outpost.transformer.train;

/**
 * Numbered examples that training and measuring read in batches. The same number gives the same
 * example, always.
 */
public interface Examples {
  /** How many. */
  int count();

  /** These examples as one batch; fails with the file's name when one can no longer be read. */
  Batch batch(int[] which);

  /**
   * Number and size in few characters, such as {@code 12x512}: a resumed run must find the same.
   */
  String extent();

  /** SHA-256 of the content as 64 hexadecimal digits: whether two runs read the same. */
  String sha256();
}

package dev.outpost.offsite.federated;

/**
 * Which message of a secure sum a party shall send.
 *
 * @param attempt from 1; counts how often the round's sum was begun, as a lost server begins it
 *     anew. Messages of one attempt mean nothing in another
 * @param phase which
 * @param party number of the asked party in this sum, from 1
 * @param threshold parties needed to open the sum
 * @param body what the message is made from, as {@link SecureMessages} writes it
 */
public record SecureRequest(int attempt, Phase phase, int party, int threshold, byte[] body) {
  /** The four messages in order. */
  public enum Phase {
    /** Public keys; body is empty. */
    KEYS,
    /** Sealed shares; body: the keys of all. */
    SHARES,
    /** The numbers under masks, as a file; body: the boxes sealed for this party. */
    MASKED,
    /** Shares of masks; body: who stayed. */
    OPENED
  }
}

package dev.outpost.offsite.federated;

/**
 * A party's message in a secure sum.
 *
 * @param round of which round
 * @param attempt as the request says
 * @param phase as the request says
 * @param body as {@link SecureMessages} writes it; empty for {@code MASKED}, whose numbers are a
 *     file
 */
public record SecureReply(int round, int attempt, SecureRequest.Phase phase, byte[] body) {}

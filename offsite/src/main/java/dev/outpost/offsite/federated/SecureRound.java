package dev.outpost.offsite.federated;

import dev.outpost.tensor.io.FormatException;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.SortedSet;
import java.util.TreeMap;
import java.util.TreeSet;

/**
 * The server's part in one attempt at a secure sum: which message it waits for, from whom, and what
 * each party is told. Not thread-safe; nothing of it outlives the process, for a sum that was lost
 * is begun anew.
 */
final class SecureRound {
  private final int round;
  private final int attempt;
  private final int threshold;
  private final long numbers;
  private final List<String> order;
  private final Map<Integer, SecureSum.Keys> keys = new TreeMap<>();
  private final Map<Integer, List<SecureSum.Sealed>> sealed = new TreeMap<>();
  private final Map<Integer, Path> masked = new TreeMap<>();
  private final Map<Integer, SecureSum.Opened> opened = new LinkedHashMap<>();
  private final Set<Integer> gone = new TreeSet<>();
  private SecureRequest.Phase phase = SecureRequest.Phase.KEYS;

  /**
   * Begins.
   *
   * @param numbers how many each party sends
   */
  SecureRound(int round, int attempt, int threshold, long numbers, SortedSet<String> clients) {
    this.round = round;
    this.attempt = attempt;
    this.threshold = threshold;
    this.numbers = numbers;
    this.order = List.copyOf(clients);
  }

  private int party(String client) {
    return order.indexOf(client) + 1;
  }

  /** Those whose message of this phase is waited for: who sent all before. */
  private Set<Integer> expected() {
    Set<Integer> all =
        switch (phase) {
          case KEYS -> {
            Set<Integer> everyone = new TreeSet<>();
            for (int i = 1; i <= order.size(); i++) everyone.add(i);
            yield everyone;
          }
          case SHARES -> new TreeSet<>(keys.keySet());
          case MASKED -> new TreeSet<>(sealed.keySet());
          case OPENED -> new TreeSet<>(masked.keySet());
        };
    all.removeAll(gone);
    return all;
  }

  private Set<Integer> sent() {
    return switch (phase) {
      case KEYS -> keys.keySet();
      case SHARES -> sealed.keySet();
      case MASKED -> masked.keySet();
      case OPENED -> opened.keySet();
    };
  }

  /** What to ask of a party now; empty when it has nothing to send. */
  Optional<SecureRequest> request(String client) {
    int party = party(client);
    if (!expected().contains(party) || sent().contains(party)) return Optional.empty();
    byte[] body =
        switch (phase) {
          case KEYS -> new byte[0];
          case SHARES -> SecureMessages.ofKeys(List.copyOf(keys.values()));
          case MASKED ->
              SecureMessages.ofSealed(
                  sealed.values().stream()
                      .flatMap(List::stream)
                      .filter(b -> b.to() == party)
                      .toList());
          case OPENED -> SecureMessages.ofParties(masked.keySet());
        };
    return Optional.of(new SecureRequest(attempt, phase, party, threshold, body));
  }

  /** Whether this is the message that is waited for from this party. */
  boolean awaits(String client, SecureReply reply) {
    return reply.attempt() == attempt
        && reply.phase() == phase
        && expected().contains(party(client))
        && !sent().contains(party(client));
  }

  /**
   * Takes a message that is awaited. An empty one says that the party cannot go on.
   *
   * @param file the numbers of {@code MASKED}, kept by the caller from now on
   * @throws FormatException when it breaks the protocol
   */
  void take(String client, SecureReply reply, Optional<Path> file) throws IOException {
    int party = party(client);
    if (reply.body().length == 0 && file.isEmpty()) {
      gone.add(party);
      return;
    }
    switch (phase) {
      case KEYS -> {
        List<SecureSum.Keys> own = SecureMessages.keys(reply.body());
        if (own.size() != 1 || own.getFirst().party() != party)
          throw new FormatException("secure sum: keys of party " + party + " were expected");
        keys.put(party, own.getFirst());
      }
      case SHARES -> {
        List<SecureSum.Sealed> boxes = SecureMessages.sealed(reply.body());
        Set<Integer> to = new TreeSet<>();
        for (SecureSum.Sealed b : boxes) if (b.from() == party) to.add(b.to());
        Set<Integer> others = new TreeSet<>(keys.keySet());
        others.remove(party);
        if (boxes.size() != to.size() || !to.equals(others))
          throw new FormatException(
              "secure sum: party " + party + " must seal one box for each of " + others);
        sealed.put(party, boxes);
      }
      case MASKED -> {
        Path numbersFile =
            file.orElseThrow(() -> new FormatException("secure sum: masked numbers are a file"));
        SecureMessages.masked(numbersFile, round, attempt, party, numbers);
        masked.put(party, numbersFile);
      }
      case OPENED -> {
        SecureSum.Opened o = SecureMessages.opened(reply.body());
        Set<Integer> lost = new TreeSet<>(sealed.keySet());
        lost.removeAll(masked.keySet());
        if (o.party() != party
            || !o.own().keySet().equals(masked.keySet())
            || !o.lost().keySet().equals(lost))
          throw new FormatException(
              "secure sum: party "
                  + party
                  + " must open shares of "
                  + masked.keySet()
                  + " and "
                  + lost);
        opened.put(party, o);
      }
    }
  }

  /** What a phase came to. */
  enum State {
    /** Some messages are still awaited. */
    WAITING,
    /** The next phase has begun. */
    NEXT,
    /** The sum can be taken. */
    DONE,
    /** Too few are left: begin anew. */
    FAILED
  }

  /**
   * Goes on when it can.
   *
   * @param late whether the phase's time is over
   */
  State advance(boolean late) {
    if (expected().size() < threshold) return State.FAILED;
    boolean all = sent().containsAll(expected());
    if (phase == SecureRequest.Phase.OPENED)
      return opened.size() >= threshold ? State.DONE : late ? State.FAILED : State.WAITING;
    if (!all && !late) return State.WAITING;
    if (sent().size() < threshold) return late ? State.FAILED : State.WAITING;
    phase =
        switch (phase) {
          case KEYS -> SecureRequest.Phase.SHARES;
          case SHARES -> SecureRequest.Phase.MASKED;
          case MASKED, OPENED -> SecureRequest.Phase.OPENED;
        };
    return State.NEXT;
  }

  /** The sum of what those sent whose numbers arrived. */
  long[] sum() throws IOException {
    List<SecureSum.Masked> all = new ArrayList<>();
    for (Map.Entry<Integer, Path> e : masked.entrySet())
      all.add(SecureMessages.masked(e.getValue(), round, attempt, e.getKey(), numbers));
    List<SecureSum.Opened> enough =
        new TreeMap<>(opened).values().stream().limit(threshold).toList();
    return SecureSum.sum(List.copyOf(keys.values()), sealed.keySet(), all, enough, threshold);
  }

  /** Clients whose numbers are in the sum. */
  Set<String> summed() {
    Set<String> names = new TreeSet<>();
    for (int p : masked.keySet()) names.add(order.get(p - 1));
    return names;
  }
}

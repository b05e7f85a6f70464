package dev.outpost.wire;

import dev.outpost.offsite.federated.AuditLog;
import dev.outpost.offsite.federated.Blob;
import dev.outpost.tensor.io.JsonObject;
import java.io.UncheckedIOException;
import java.lang.System.Logger.Level;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.atomic.AtomicLong;

/**
 * What the wire writes into the audit log: who fetched and sent what, and whom it turned away. A
 * party that is turned away again and again cannot fill the disk: after its first thousand, every
 * refusal whose number is a power of two is written, with the number.
 */
final class Logbook {
  private static final System.Logger LOGGER = System.getLogger(Logbook.class.getName());
  private static final int EACH = 1000;
  private static final String STRANGER = "-";

  private final AuditLog log;
  private final Map<String, AtomicLong> refusals = new ConcurrentHashMap<>();

  Logbook(AuditLog log) {
    this.log = log;
  }

  /**
   * A file that a party begins to get, gets to its end, or hands in whole.
   *
   * @param event {@code fetch}, {@code fetched}, {@code fetch-broken} or {@code uploaded}
   * @param from first byte
   * @param to byte after the last
   * @throws UncheckedIOException when the log cannot be written: what is not recorded must not
   *     happen
   */
  void transfer(String event, String party, Blob blob, long from, long to) {
    log.add(
        event,
        party,
        JsonObject.create()
            .put("sha256", blob.sha256())
            .put("bytes", blob.bytes())
            .put("from", from)
            .put("to", to));
  }

  /** A call of a client that was not done. */
  void refused(String party, String call, String reason) {
    write(party, "refused", JsonObject.create().put("call", call).put("reason", reason));
  }

  /** A call that ended before all of it was sent. */
  void broken(String party, String call) {
    String reason = "ended before it was whole: cut off, above a limit, or not of this protocol";
    write(party, "broken", JsonObject.create().put("call", call).put("reason", reason));
  }

  /** A connection that did not become one of mutual TLS, or was cut. */
  void turnedAway(String party, String from, String reason) {
    write(party, "turned-away", JsonObject.create().put("from", from).put("reason", reason));
  }

  /** A connection of nobody known. */
  void turnedAway(String from, String reason) {
    turnedAway(STRANGER, from, reason);
  }

  private void write(String party, String event, JsonObject fields) {
    long number = refusals.computeIfAbsent(party, p -> new AtomicLong()).incrementAndGet();
    if (number > EACH && Long.bitCount(number) > 1) return;
    try {
      log.add(event, party, fields.put("number", number));
    } catch (UncheckedIOException e) {
      LOGGER.log(Level.WARNING, "a refusal could not be written to the audit log: " + fields, e);
    }
  }
}

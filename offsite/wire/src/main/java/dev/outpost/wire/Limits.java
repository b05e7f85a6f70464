package dev.outpost.wire;

import java.time.Duration;

/**
 * What the wire bears. Durations are measured by a clock that nobody sets, so that a wrong date
 * harms nothing.
 *
 * @param handshake for a connection to become one of mutual TLS
 * @param idle after which a connection without calls is closed
 * @param age after which a connection is closed in an orderly way, its calls given as long again
 * @param keepAlive between signs of life on a connection; half-open ones are found by them
 * @param stall longest pause in a transfer, or within a request
 * @param poll longest that a client's question waits for its answer
 * @param connections in all
 * @param handshakes connections in all that are not yet of mutual TLS
 * @param connectionsPerClient the oldest is closed for one more
 * @param calls at a time in all
 * @param callsPerClient at a time
 * @param spareBytes left free on the disk that uploads go to
 * @param firstPause of a client before it tries again; doubled each time
 * @param longestPause between a client's attempts
 * @param giveUp after which a client that got nowhere tells its caller
 */
record Limits(
    Duration handshake,
    Duration idle,
    Duration age,
    Duration keepAlive,
    Duration stall,
    Duration poll,
    int connections,
    int handshakes,
    int connectionsPerClient,
    int calls,
    int callsPerClient,
    long spareBytes,
    Duration firstPause,
    Duration longestPause,
    Duration giveUp) {
  /** Bytes of a file in one message. */
  static final int CHUNK = 256 << 10;

  /** Bytes of a message, the largest being the keys of all parties to a secure sum. */
  static final int MESSAGE = 1 << 20;

  /** Bytes of a call's headers. */
  static final int HEADERS = 8 << 10;

  /** What {@code serve} and {@code join} use. */
  static final Limits STANDARD =
      new Limits(
          Duration.ofSeconds(30),
          Duration.ofMinutes(5),
          Duration.ofHours(1),
          Duration.ofSeconds(20),
          Duration.ofSeconds(60),
          Duration.ofSeconds(30),
          4096,
          256,
          4,
          4096,
          16,
          64L << 20,
          Duration.ofMillis(250),
          Duration.ofSeconds(20),
          Duration.ofSeconds(15));
}

package dev.outpost.wire;

import com.google.protobuf.ByteString;
import dev.outpost.wire.proto.HandedIn;
import dev.outpost.wire.proto.Header;
import java.security.SecureRandom;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.concurrent.locks.ReentrantLock;
import org.jspecify.annotations.Nullable;

/** The clients that the server's kit names, and what it remembers of each while it runs. */
final class Guests {
  private final Map<String, Guest> byFingerprint = new HashMap<>();

  Guests(Map<String, String> clients) {
    clients.forEach((fingerprint, name) -> byFingerprint.put(fingerprint, new Guest(name)));
  }

  /** Null for who is not in the kit, or not any more. */
  @Nullable Guest of(@Nullable String fingerprint) {
    return fingerprint == null ? null : byFingerprint.get(fingerprint);
  }

  /** One client. */
  static final class Guest {
    private static final int SESSIONS = 4;

    final String name;

    /** Held while files of this client come, are handed in or thrown away. */
    final ReentrantLock handing = new ReentrantLock();

    /** What comes now; guarded by {@link #handing}. */
    @Nullable Growing upload;

    private final SecureRandom random = new SecureRandom();
    private final Map<ByteString, Session> sessions = new LinkedHashMap<>(8, 0.75f, true);
    private @Nullable ByteString lastAsked;
    private @Nullable HandedIn lastSaid;

    Guest(String name) {
      this.name = name;
    }

    private static final class Session {
      private long counter;
      private int round;
    }

    /** A new session; the one that was silent for longest ends when there are too many. */
    synchronized ByteString begin(int round) {
      byte[] id = new byte[32];
      random.nextBytes(id);
      Session session = new Session();
      session.round = round;
      ByteString key = ByteString.copyFrom(id);
      sessions.put(key, session);
      if (sessions.size() > SESSIONS) sessions.remove(sessions.keySet().iterator().next());
      return key;
    }

    /** Takes a message into its session, or says why not. */
    synchronized void take(Header header) throws Refused {
      Session session = sessions.get(header.getSession());
      if (session == null)
        throw Refused.session(
            "its session is unknown here: an old message played again, or the server was started"
                + " anew");
      if (header.getCounter() <= session.counter)
        throw Refused.forGood(
            "message "
                + header.getCounter()
                + " of a session that is at "
                + session.counter
                + ": played again, or out of order");
      if (header.getRound() < session.round)
        throw Refused.forGood(
            "round " + header.getRound() + " after one of round " + session.round);
      session.counter = header.getCounter();
      session.round = header.getRound();
    }

    /** What was answered when the same was last handed in; an answer lost on its way. */
    synchronized @Nullable HandedIn again(ByteString asked) {
      return asked.equals(lastAsked) ? lastSaid : null;
    }

    synchronized void remember(ByteString asked, HandedIn said) {
      lastAsked = asked;
      lastSaid = said;
    }
  }
}

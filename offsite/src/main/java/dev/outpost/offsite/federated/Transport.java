package dev.outpost.offsite.federated;

import java.io.IOException;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.ServiceLoader;

/**
 * How parties reach each other. Found as a service, so that who tunes alone carries no network
 * library.
 */
public interface Transport {
  /**
   * The one on the class path.
   *
   * @throws IllegalStateException where there is none, saying what to add
   */
  static Transport find() {
    return ServiceLoader.load(Transport.class)
        .findFirst()
        .orElseThrow(() ->
            new IllegalStateException(
                "no transport is on the class path: add the jar outpost-wire and what it needs"));
  }

  /**
   * Writes a start kit for the server and one for each client, each a folder of its name: who it
   * is, whom it trusts, its own secret key. A kit is all that a party needs beside its data.
   *
   * @param folder where the kits go; must hold none yet
   * @param federation its name, part of every certificate
   * @param hosts names and addresses by which clients reach the server
   * @param port on which it listens
   * @param clients names as {@link ClientName} allows
   * @param validity of the certificates
   */
  void provision(
      Path folder,
      String federation,
      List<String> hosts,
      int port,
      List<String> clients,
      Duration validity)
      throws IOException;

  /**
   * A client's side. Opens no connection yet: an owner that is not there is seen at the first call.
   *
   * @param kit the client's
   * @param folder for what is on its way, so that it goes on after a crash
   */
  Coordinator connect(Path kit, Path folder) throws IOException;

  /** The server's side, until closed. */
  Listening listen(Path kit, Federation federation, AuditLog log) throws IOException;

  /** A server that listens. */
  interface Listening extends AutoCloseable {
    /** Where, useful when port 0 was asked for. */
    int port();

    /** Stops; calls under way are answered or broken off within a few seconds. */
    @Override
    void close();
  }
}

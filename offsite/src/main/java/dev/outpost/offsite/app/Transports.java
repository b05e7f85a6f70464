package dev.outpost.offsite.app;

import dev.outpost.offsite.federated.Transport;
import java.util.logging.Level;
import java.util.logging.Logger;

/** The transport of this installation. */
final class Transports {
  // Held, since the log manager forgets a level that nobody holds on to.
  private static final Logger NETWORK = Logger.getLogger("io.grpc");

  private Transports() {}

  static Transport find() {
    // What the network library finds of the platform is nothing to a person at the command line.
    NETWORK.setLevel(Level.WARNING);
    try {
      return Transport.find();
    } catch (IllegalStateException e) {
      throw new BadInput(String.valueOf(e.getMessage()));
    }
  }
}

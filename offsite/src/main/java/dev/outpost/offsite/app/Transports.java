package dev.outpost.offsite.app;

import dev.outpost.offsite.federated.Transport;

/** The transport of this installation. */
final class Transports {
  private Transports() {}

  static Transport find() {
    try {
      return Transport.find();
    } catch (IllegalStateException e) {
      throw new BadInput(String.valueOf(e.getMessage()));
    }
  }
}

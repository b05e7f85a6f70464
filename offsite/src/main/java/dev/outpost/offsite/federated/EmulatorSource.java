package dev.outpost.offsite.federated;

import dev.outpost.offsite.artifact.AdapterArtifact;
import java.io.IOException;

/**
 * Renews the packages before a round opens. Must give the same packages when asked the same again,
 * as it is after a crash.
 */
@FunctionalInterface
public interface EmulatorSource {
  /** The packages stay as they are. */
  EmulatorSource FIXED = (round, adapter, original) -> original;

  /**
   * The packages of a round.
   *
   * @param round from 1
   * @param adapter the global adapter before it
   * @param original the plan's packages
   */
  Emulators before(int round, AdapterArtifact adapter, Emulators original) throws IOException;
}

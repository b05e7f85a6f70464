package dev.outpost.offsite.federated;

import dev.outpost.offsite.artifact.OffsitePackage;
import dev.outpost.transformer.train.Examples;
import java.io.IOException;
import org.jspecify.annotations.Nullable;

/**
 * What a party tunes on: read as a package's tokenizer and context want it, never sent anywhere.
 */
@FunctionalInterface
public interface LocalData {
  /**
   * Examples to learn from and to measure on.
   *
   * @param heldBack null measures nothing
   */
  record Split(Examples train, @Nullable Examples heldBack) {}

  /** The examples for a package; asked once per package. */
  Split of(OffsitePackage pack) throws IOException;
}

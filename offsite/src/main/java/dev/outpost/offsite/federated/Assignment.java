package dev.outpost.offsite.federated;

import dev.outpost.offsite.artifact.BaseFingerprint;
import dev.outpost.transformer.peft.PeftMethod;
import java.util.Collections;
import java.util.Map;
import java.util.TreeMap;
import org.jspecify.annotations.Nullable;

/**
 * What one party is asked to do in one round. Everything in it is named by its content, so that the
 * same assignment gives the same update wherever and however often it is done.
 *
 * @param federation name of the federation
 * @param base fingerprint of the model all packages were made from
 * @param round from 1
 * @param client who is asked
 * @param pack files of the package to tune with, by name within its folder
 * @param global the adapter to start from, as {@link AdapterFile}
 * @param control the server's control variate; null without SCAFFOLD
 * @param method what is tuned of the adapter
 * @param local how
 * @param seed of this party in this round
 */
public record Assignment(
    String federation,
    BaseFingerprint base,
    int round,
    String client,
    Map<String, Blob> pack,
    Blob global,
    @Nullable Blob control,
    PeftMethod method,
    LocalPlan local,
    long seed) {
  public Assignment {
    if (round < 1)
      throw new IllegalArgumentException("assignment: round must be at least 1, got " + round);
    ClientName.require(client);
    for (String name : pack.keySet())
      if (!name.matches("[A-Za-z0-9_][A-Za-z0-9_.-]{0,99}"))
        throw new IllegalArgumentException(
            "assignment: \"" + name + "\" is no name of a file in a package");
    pack = Collections.unmodifiableMap(new TreeMap<>(pack));
  }
}

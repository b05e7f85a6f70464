package dev.outpost.transformer.hub;

import java.nio.file.Path;

/**
 * A model that is now on this machine.
 *
 * @param folder its files
 * @param commit which state of it; of an offline pull, the one that is here
 * @param files that were asked for
 * @param bytes of those
 * @param fetched bytes that came over the network now
 */
public record Pulled(Path folder, String commit, int files, long bytes, long fetched) {}

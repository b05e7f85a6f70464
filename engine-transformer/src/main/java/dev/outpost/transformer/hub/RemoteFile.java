package dev.outpost.transformer.hub;

import java.util.Optional;

/**
 * A file of a model on the hub.
 *
 * @param name path within the model's folder
 * @param etag the hub's name for its content, and the blob's in the cache
 * @param size bytes
 * @param checksum empty where the hub names none: then only the size is checked
 */
record RemoteFile(String name, String etag, long size, Optional<Checksum> checksum) {}

package dev.outpost.transformer.module;

import dev.outpost.autograd.Tape;
import dev.outpost.autograd.Var;
import dev.outpost.tensor.random.RandomStream;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.zip.CRC32;
import org.jspecify.annotations.Nullable;

/**
 * What one forward pass carries through the model: the tape, the batch's sizes, where we are, and,
 * for generation, the cache.
 *
 * @param tape where operations are recorded
 * @param batch sequences
 * @param time positions per sequence in this pass
 * @param path name of the slot at work, empty outside the stack
 * @param dropoutKey seed of this step's dropout masks; 0 switches dropout off
 * @param recompute whether blocks keep only their input and run again on the way back
 * @param cache keys and values of earlier positions, or null
 * @param lengths how many positions of each sequence are there, the rest being padding on the
 *     right; null when all are. Kept, not copied
 */
public record Pass(
    Tape tape,
    int batch,
    int time,
    String path,
    long dropoutKey,
    boolean recompute,
    @Nullable KvCache cache,
    int @Nullable [] lengths) {
  /** A pass without dropout, recomputation or cache. */
  public static Pass of(Tape tape, int batch, int time) {
    return new Pass(tape, batch, time, "", 0, false, null, null);
  }

  /** The same pass inside a slot. */
  public Pass in(String slot) {
    return new Pass(tape, batch, time, slot, dropoutKey, recompute, cache, lengths);
  }

  /** The same pass on another tape. */
  public Pass on(Tape other) {
    return new Pass(other, batch, time, path, dropoutKey, recompute, cache, lengths);
  }

  /** The same pass with dropout masks drawn from {@code key}. */
  public Pass withDropout(long key) {
    return new Pass(tape, batch, time, path, key, recompute, cache, lengths);
  }

  /**
   * The same pass with blocks that run again on the way back instead of keeping their activations.
   */
  public Pass recomputing(boolean on) {
    return new Pass(tape, batch, time, path, dropoutKey, on, cache, lengths);
  }

  /** The same pass reading from and appending to a cache. */
  public Pass with(KvCache c) {
    return new Pass(tape, batch, time, path, dropoutKey, recompute, c, lengths);
  }

  /** The same pass over sequences of these lengths, padded on the right; null for full ones. */
  public Pass ofLengths(int @Nullable [] each) {
    return new Pass(tape, batch, time, path, dropoutKey, recompute, cache, each);
  }

  /** Positions before this pass's first, those of a prompt too. */
  public int past() {
    return cache == null ? 0 : cache.held();
  }

  /** The pass over sequences that so many positions were put before. */
  public Pass behind(int positions) {
    int[] each = lengths == null ? null : Arrays.stream(lengths).map(n -> n + positions).toArray();
    return new Pass(tape, batch, time + positions, path, dropoutKey, recompute, cache, each);
  }

  /** The parameter as a value on this pass's tape. */
  public Var of(Parameter p) {
    return tape.leaf(p.weight(), p.trainable());
  }

  /**
   * The seed of the dropout mask named {@code name} here: the same on a recomputed block as on the
   * first run.
   */
  public long dropoutKey(String name) {
    CRC32 crc = new CRC32();
    crc.update((path + "." + name).getBytes(StandardCharsets.UTF_8));
    return RandomStream.hash(dropoutKey, crc.getValue());
  }
}

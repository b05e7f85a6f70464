package dev.outpost.offsite.federated;

import java.io.IOException;
import java.nio.file.Path;
import java.time.Duration;
import org.jspecify.annotations.Nullable;

/**
 * The model owner as one party sees it, over the wire or in the same process. Every call may be
 * repeated: what was done is not done twice. An {@link UnreachableException} says that the owner
 * cannot be reached now; a {@link RefusedException} that asking again will not help.
 */
public interface Coordinator extends AutoCloseable {
  /** What to do; answers at once when there is something, and within {@code patience} at most. */
  Answer next(Duration patience) throws IOException, InterruptedException;

  /**
   * Brings a file here, whole and with the right digest; goes on where an earlier call stopped.
   * Does nothing when it is there.
   */
  void fetch(Blob blob, Path file) throws IOException, InterruptedException;

  /** Hands in an update as {@link UpdateFile} wrote it. */
  Receipt submit(Path update) throws IOException, InterruptedException;

  /**
   * Sends a message of a secure sum.
   *
   * @param numbers the file of {@code MASKED}, else null
   */
  Receipt speak(SecureReply reply, @Nullable Path numbers) throws IOException, InterruptedException;

  @Override
  void close();
}

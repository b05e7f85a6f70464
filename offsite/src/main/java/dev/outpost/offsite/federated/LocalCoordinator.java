package dev.outpost.offsite.federated;

import dev.outpost.tensor.io.AtomicFile;
import java.io.IOException;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.UUID;
import org.jspecify.annotations.Nullable;

/** The model owner as a party in the same process sees it. */
record LocalCoordinator(Federation federation, String client) implements Coordinator {
  @Override
  public Answer next(Duration patience) throws IOException, InterruptedException {
    return federation.next(client, patience);
  }

  @Override
  public void fetch(Blob blob, Path file) throws IOException {
    if (!Files.exists(file)) copy(federation.object(client, blob.sha256()), file);
  }

  @Override
  public Receipt submit(Path update) throws IOException {
    return federation.submit(client, handed(update));
  }

  @Override
  public Receipt speak(SecureReply reply, @Nullable Path numbers) throws IOException {
    return federation.speak(client, reply, numbers == null ? null : handed(numbers));
  }

  /** A copy that the federation may take. */
  private Path handed(Path file) throws IOException {
    Path copy = federation.incoming().resolve(client + "-" + UUID.randomUUID());
    copy(file, copy);
    return copy;
  }

  private static void copy(Path from, Path to) throws IOException {
    try (FileChannel in = FileChannel.open(from)) {
      AtomicFile.write(
          to,
          in.size(),
          out -> {
            for (long at = 0; at < in.size(); ) at += in.transferTo(at, in.size() - at, out);
          });
    }
  }

  @Override
  public void close() {}
}

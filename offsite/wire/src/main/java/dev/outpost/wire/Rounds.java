package dev.outpost.wire;

import dev.outpost.offsite.federated.Answer;
import dev.outpost.offsite.federated.Federation;
import dev.outpost.offsite.federated.Receipt;
import dev.outpost.offsite.federated.SecureReply;
import java.io.IOException;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/** What the wire needs of a {@link Federation}; its tests put another in its place. */
interface Rounds {
  String name();

  String base();

  Set<String> clients();

  Answer next(String client, Duration patience) throws IOException, InterruptedException;

  Path object(String client, String sha256) throws IOException;

  long maxUpload(String client) throws IOException;

  Path incoming();

  Receipt submit(String client, Path file) throws IOException;

  Receipt speak(String client, SecureReply reply, @Nullable Path numbers) throws IOException;

  static Rounds of(Federation federation) {
    return new Rounds() {
      @Override
      public String name() {
        return federation.plan().name();
      }

      @Override
      public String base() {
        return federation.base().sha256();
      }

      @Override
      public Set<String> clients() {
        return federation.plan().clients().keySet();
      }

      @Override
      public Answer next(String client, Duration patience)
          throws IOException, InterruptedException {
        return federation.next(client, patience);
      }

      @Override
      public Path object(String client, String sha256) throws IOException {
        return federation.object(client, sha256);
      }

      @Override
      public long maxUpload(String client) throws IOException {
        return federation.maxUpload(client);
      }

      @Override
      public Path incoming() {
        return federation.incoming();
      }

      @Override
      public Receipt submit(String client, Path file) throws IOException {
        return federation.submit(client, file);
      }

      @Override
      public Receipt speak(String client, SecureReply reply, @Nullable Path numbers)
          throws IOException {
        return federation.speak(client, reply, numbers);
      }
    };
  }
}

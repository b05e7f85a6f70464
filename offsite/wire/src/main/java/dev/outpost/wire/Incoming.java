package dev.outpost.wire;

import dev.outpost.offsite.federated.Blob;
import dev.outpost.wire.Guests.Guest;
import java.io.IOException;
import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.Path;

/**
 * The server's folder of files that come: {@code CLIENT.DIGEST.part} while one grows, {@code
 * CLIENT.DIGEST} once it is whole. A client has one of them at a time. Callers hold {@link
 * Guest#handing}.
 */
final class Incoming {
  private final Rounds rounds;
  private final Limits limits;

  Incoming(Rounds rounds, Limits limits) {
    this.rounds = rounds;
    this.limits = limits;
  }

  /** Refuses, before any of it is taken, what is larger than this client may send now. */
  void check(Guest guest, Blob blob) throws IOException, Refused {
    long largest = rounds.maxUpload(guest.name);
    if (blob.bytes() > largest)
      throw Refused.forGood(
          "a file of " + blob.bytes() + " bytes; it may have at most " + largest + " now");
    if (blob.bytes() == 0) throw Refused.forGood("an empty file");
  }

  /** The whole file, where it is here. */
  Path whole(Guest guest, Blob blob) {
    return rounds.incoming().resolve(guest.name + "." + blob.sha256());
  }

  boolean isWhole(Guest guest, Blob blob) throws IOException {
    Path file = whole(guest, blob);
    return Files.exists(file) && Files.size(file) == blob.bytes();
  }

  /** How many bytes are here of a file that is not whole. */
  long held(Guest guest, Blob blob) throws IOException {
    return Growing.held(part(guest, blob), blob);
  }

  /** Goes on with a file; whatever else of this client was on its way is given up. */
  Growing open(Guest guest, Blob blob) throws IOException, Refused {
    Growing before = guest.upload;
    guest.upload = null;
    if (before != null) before.close();
    Files.createDirectories(rounds.incoming());
    Path part = part(guest, blob);
    try (DirectoryStream<Path> all =
        Files.newDirectoryStream(rounds.incoming(), guest.name + ".*")) {
      for (Path other : all) if (!other.equals(part)) Files.deleteIfExists(other);
    }
    long needed = blob.bytes() - held(guest, blob) + limits.spareBytes();
    long free = Files.getFileStore(rounds.incoming()).getUsableSpace();
    if (free < needed)
      throw Refused.forNow(
          "the owner's disk is full: " + free + " bytes are free, " + needed + " needed");
    Growing file = Growing.open(part, blob);
    guest.upload = file;
    return file;
  }

  private Path part(Guest guest, Blob blob) {
    return rounds.incoming().resolve(guest.name + "." + blob.sha256() + ".part");
  }
}

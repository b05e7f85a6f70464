package dev.outpost.wire;

import com.google.protobuf.ByteString;
import com.google.protobuf.MessageLite;
import dev.outpost.offsite.federated.Answer;
import dev.outpost.offsite.federated.Blob;
import dev.outpost.offsite.federated.Coordinator;
import dev.outpost.offsite.federated.Receipt;
import dev.outpost.offsite.federated.RefusedException;
import dev.outpost.offsite.federated.SecureReply;
import dev.outpost.tensor.io.FormatException;
import dev.outpost.wire.proto.Envelope;
import dev.outpost.wire.proto.FetchAsked;
import dev.outpost.wire.proto.FetchSaid;
import dev.outpost.wire.proto.HandedIn;
import dev.outpost.wire.proto.NextAsked;
import dev.outpost.wire.proto.NextSaid;
import dev.outpost.wire.proto.OwnerGrpc.OwnerBlockingV2Stub;
import dev.outpost.wire.proto.Part;
import dev.outpost.wire.proto.SubmitAsked;
import dev.outpost.wire.proto.UploadAsked;
import dev.outpost.wire.proto.UploadSaid;
import io.grpc.StatusException;
import io.grpc.stub.BlockingClientCall;
import java.io.IOException;
import java.io.InterruptedIOException;
import java.nio.channels.ClosedByInterruptException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.concurrent.locks.ReentrantLock;
import org.jspecify.annotations.Nullable;

/**
 * The owner as a client sees it over the wire. A call that fails on its way is made again, in a new
 * connection after a pause, until the server answers or patience ends; transfers go on where they
 * stopped. Calls of several threads follow each other.
 */
final class WireCoordinator implements Coordinator {
  private final Kit kit;
  private final Limits limits;
  private final Memory memory;
  private final Line line;
  private final ReentrantLock turn = new ReentrantLock();

  private WireCoordinator(Kit kit, Limits limits, Memory memory) throws IOException {
    this.kit = kit;
    this.limits = limits;
    this.memory = memory;
    this.line = new Line(kit, limits, memory);
  }

  static WireCoordinator open(Kit kit, Path folder, Limits limits) throws IOException {
    if (kit.port() == 0)
      throw new IllegalArgumentException(
          kit.folder() + ": its port is 0; write the port of the server into kit.json");
    return new WireCoordinator(kit, limits, Memory.open(folder, kit.federation()));
  }

  private interface Attempt<T> {
    T make(OwnerBlockingV2Stub owner, Patience patience)
        throws IOException, InterruptedException, StatusException;
  }

  private <T> T call(Attempt<T> attempt) throws IOException, InterruptedException {
    turn.lockInterruptibly();
    try {
      Patience patience = new Patience(limits);
      while (true) {
        try {
          return attempt.make(line.ready(), patience);
        } catch (RefusedException | Growing.DiskException e) {
          throw e;
        } catch (ClosedByInterruptException | InterruptedIOException e) {
          throw interrupted();
        } catch (FormatException | IllegalArgumentException e) {
          // The owner signed it: another attempt brings the same.
          throw new RefusedException("the owner's answer cannot be used: " + e.getMessage());
        } catch (Line.LaterException e) {
          patience.after(e);
        } catch (StatusException e) {
          retry(Line.broken(e), patience);
        } catch (IOException e) {
          retry(e, patience);
        }
      }
    } finally {
      turn.unlock();
    }
  }

  private void retry(IOException trouble, Patience patience)
      throws IOException, InterruptedException {
    line.lost();
    if (Thread.interrupted()) throw interrupted();
    patience.after(trouble);
  }

  private static InterruptedException interrupted() {
    Thread.interrupted(); // The exception says it from here on.
    return new InterruptedException("interrupted while speaking with the owner");
  }

  @Override
  public Answer next(Duration patience) throws IOException, InterruptedException {
    long millis = Math.max(0, patience.toMillis());
    NextAsked asked = NextAsked.newBuilder().setPatienceMillis(millis).build();
    return call((owner, trying) -> {
      long most = Math.min(millis, limits.poll().toMillis()) + limits.stall().toMillis();
      Envelope envelope = line.sign("Next", asked);
      Envelope reply = owner.withDeadlineAfter(most, TimeUnit.MILLISECONDS).next(envelope);
      Answer answer = checked(Messages.read(NextSaid.parseFrom(line.open(envelope, reply))));
      switch (answer) {
        case Answer.Tune t -> line.round(t.assignment().round());
        case Answer.Speak s -> line.round(s.assignment().round());
        case Answer.Wait w -> {}
        case Answer.Finished f -> {}
      }
      return answer;
    });
  }

  /** An assignment for someone else, or for another base, is none. */
  private Answer checked(Answer answer) throws RefusedException {
    var assignment =
        switch (answer) {
          case Answer.Tune t -> t.assignment();
          case Answer.Speak s -> s.assignment();
          case Answer.Wait w -> null;
          case Answer.Finished f -> null;
        };
    if (assignment == null) return answer;
    if (!assignment.client().equals(kit.name())
        || !assignment.federation().equals(kit.federation())
        || !assignment.base().sha256().equals(memory.base()))
      throw new RefusedException(
          "the owner's assignment is for "
              + assignment.client()
              + " of "
              + assignment.federation()
              + " on base "
              + assignment.base()
              + "; this is "
              + kit.name()
              + " of "
              + kit.federation()
              + " on base "
              + memory.base());
    return answer;
  }

  @Override
  public void fetch(Blob blob, Path file) throws IOException, InterruptedException {
    if (Files.exists(file) && Files.size(file) == blob.bytes() && Blob.of(file).equals(blob))
      return;
    Path parent = file.toAbsolutePath().getParent();
    if (parent != null) Files.createDirectories(parent);
    Path part = memory.part(blob.sha256());
    checkSpace(part, blob);
    call((owner, trying) -> {
      try (Growing growing = Growing.open(part, blob)) {
        if (!growing.whole() || blob.bytes() == 0) receive(owner, blob, growing, trying);
        growing.finish(file);
      }
      return true;
    });
  }

  private static void checkSpace(Path part, Blob blob) throws IOException {
    long needed = blob.bytes() - Growing.held(part, blob);
    long free = Files.getFileStore(part.toAbsolutePath().getParent()).getUsableSpace();
    if (free < needed)
      throw new IOException(
          part + ": the disk has " + free + " bytes left, " + needed + " are needed; free some");
  }

  private void receive(OwnerBlockingV2Stub owner, Blob blob, Growing growing, Patience trying)
      throws IOException, InterruptedException, StatusException {
    FetchAsked asked =
        FetchAsked.newBuilder().setBlob(Messages.write(blob)).setOffset(growing.held()).build();
    Envelope envelope = line.sign("Fetch", asked);
    BlockingClientCall<?, Part> call = owner.fetch(envelope);
    try {
      Part first = read(call);
      if (first == null || !first.hasEnvelope())
        throw new Line.ForeignReplyException("a file without the server's word before it");
      FetchSaid said = FetchSaid.parseFrom(line.open(envelope, first.getEnvelope()));
      if (said.getBytes() != blob.bytes())
        throw new RefusedException(
            "the owner's file "
                + blob.sha256()
                + " has "
                + said.getBytes()
                + " bytes, not "
                + blob.bytes());
      while (!growing.whole()) {
        Part part = read(call);
        if (part == null || !part.hasChunk())
          throw new Line.ForeignReplyException("a file that ends before it is whole");
        growing.append(part.getChunk());
        trying.reached(growing.held());
      }
    } finally {
      call.cancel("done", null);
    }
  }

  private @Nullable Part read(BlockingClientCall<?, Part> call)
      throws IOException, InterruptedException, StatusException {
    try {
      return call.read(limits.stall().toMillis(), TimeUnit.MILLISECONDS);
    } catch (TimeoutException e) {
      throw new IOException("nothing came for " + limits.stall().toMillis() + " ms", e);
    }
  }

  @Override
  public Receipt submit(Path update) throws IOException, InterruptedException {
    Blob blob = Blob.of(update);
    SubmitAsked asked = SubmitAsked.newBuilder().setUpdate(Messages.write(blob)).build();
    return handIn("Submit", asked, blob, update, OwnerBlockingV2Stub::submit);
  }

  @Override
  public Receipt speak(SecureReply reply, @Nullable Path numbers)
      throws IOException, InterruptedException {
    line.round(reply.round());
    Blob blob = numbers == null ? null : Blob.of(numbers);
    return handIn("Speak", Messages.write(reply, blob), blob, numbers, OwnerBlockingV2Stub::speak);
  }

  private interface Call {
    Envelope make(OwnerBlockingV2Stub owner, Envelope asked)
        throws InterruptedException, StatusException;
  }

  private Receipt handIn(
      String name, MessageLite asked, @Nullable Blob blob, @Nullable Path file, Call call)
      throws IOException, InterruptedException {
    return call((owner, trying) -> {
      while (true) {
        Envelope envelope = line.sign(name, asked);
        Envelope reply =
            call.make(
                owner.withDeadlineAfter(limits.stall().toMillis(), TimeUnit.MILLISECONDS),
                envelope);
        HandedIn said = HandedIn.parseFrom(line.open(envelope, reply));
        if (said.hasReceipt()) return Messages.read(said.getReceipt());
        if (!said.hasMissingFrom() || blob == null || file == null)
          throw new Line.ForeignReplyException("an answer that is of no use here");
        send(owner, blob, file, said.getMissingFrom(), trying);
      }
    });
  }

  private void send(OwnerBlockingV2Stub owner, Blob blob, Path file, long from, Patience trying)
      throws IOException, InterruptedException, StatusException {
    if (from < 0 || from > blob.bytes())
      throw new Line.ForeignReplyException("the server misses the file from byte " + from);
    trying.reached(from);
    UploadAsked asked =
        UploadAsked.newBuilder().setBlob(Messages.write(blob)).setOffset(from).build();
    Envelope envelope = line.sign("Upload", asked);
    BlockingClientCall<Part, Envelope> call = owner.upload();
    try (Growing.Chunks chunks = new Growing.Chunks(file, from)) {
      boolean open = write(call, Part.newBuilder().setEnvelope(envelope).build());
      while (open && chunks.hasNext())
        open = write(call, Part.newBuilder().setChunk(chunks.next()).build());
      if (open) call.halfClose();
      Envelope reply = call.read(limits.stall().toMillis(), TimeUnit.MILLISECONDS);
      if (reply == null) throw new Line.ForeignReplyException("an upload without an answer");
      ByteString body = line.open(envelope, reply);
      if (UploadSaid.parseFrom(body).getHeld() != blob.bytes())
        throw new Line.ForeignReplyException("the server did not take the whole file");
    } catch (TimeoutException e) {
      throw new IOException("no answer for " + limits.stall().toMillis() + " ms", e);
    } finally {
      call.cancel("done", null);
    }
  }

  private boolean write(BlockingClientCall<Part, Envelope> call, Part part)
      throws InterruptedException, StatusException, TimeoutException {
    return call.write(part, limits.stall().toMillis(), TimeUnit.MILLISECONDS);
  }

  @Override
  public void close() {
    line.close();
  }
}

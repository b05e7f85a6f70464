package dev.outpost.wire;

import com.google.protobuf.ByteString;
import com.google.protobuf.InvalidProtocolBufferException;
import com.google.protobuf.MessageLite;
import dev.outpost.offsite.federated.Blob;
import dev.outpost.offsite.federated.Receipt;
import dev.outpost.offsite.federated.RefusedException;
import dev.outpost.offsite.federated.SecureReply;
import dev.outpost.tensor.io.FormatException;
import dev.outpost.wire.Guests.Guest;
import dev.outpost.wire.proto.Envelope;
import dev.outpost.wire.proto.FetchAsked;
import dev.outpost.wire.proto.FetchSaid;
import dev.outpost.wire.proto.HandedIn;
import dev.outpost.wire.proto.Header;
import dev.outpost.wire.proto.HelloAsked;
import dev.outpost.wire.proto.HelloSaid;
import dev.outpost.wire.proto.NextAsked;
import dev.outpost.wire.proto.OwnerGrpc;
import dev.outpost.wire.proto.Part;
import dev.outpost.wire.proto.Refusal;
import dev.outpost.wire.proto.ReplyHeader;
import dev.outpost.wire.proto.SpeakAsked;
import dev.outpost.wire.proto.SubmitAsked;
import dev.outpost.wire.proto.UploadAsked;
import dev.outpost.wire.proto.UploadSaid;
import io.grpc.stub.ServerCallStreamObserver;
import io.grpc.stub.StreamObserver;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.lang.System.Logger.Level;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.cert.X509Certificate;
import java.time.Duration;
import java.util.concurrent.RejectedExecutionException;
import org.jspecify.annotations.Nullable;

/**
 * The server's side of every call: who asks is made sure of, the message is verified before it is
 * read, what it asks for is done by the {@link Rounds}, and the answer, a refusal too, is signed.
 */
final class Desk extends OwnerGrpc.OwnerImplBase {
  private static final System.Logger LOGGER = System.getLogger(Desk.class.getName());

  private final Kit kit;
  private final Rounds rounds;
  private final Limits limits;
  private final Logbook log;
  private final Guests guests;
  private final Incoming incoming;

  Desk(Kit kit, Rounds rounds, Limits limits, Logbook log, Guests guests) {
    this.kit = kit;
    this.rounds = rounds;
    this.limits = limits;
    this.log = log;
    this.guests = guests;
    this.incoming = new Incoming(rounds, limits);
  }

  /** A message that was verified. */
  private record Asked(Guest guest, Header header, ByteString body) {}

  private interface Work {
    MessageLite done(Asked asked) throws IOException, InterruptedException, Refused;
  }

  @Override
  public void hello(Envelope envelope, StreamObserver<Envelope> out) {
    answer(
        "Hello",
        envelope,
        out,
        asked -> {
          if (HelloAsked.parseFrom(asked.body()).getNonce().size() != 32)
            throw Refused.forGood("a hello without 32 random bytes");
          return HelloSaid.newBuilder()
              .setSession(asked.guest().begin(asked.header().getRound()))
              .setBase(rounds.base())
              .setLargest(rounds.maxUpload(asked.guest().name))
              .build();
        });
  }

  @Override
  public void next(Envelope envelope, StreamObserver<Envelope> out) {
    answer(
        "Next",
        envelope,
        out,
        asked -> {
          long patience = NextAsked.parseFrom(asked.body()).getPatienceMillis();
          long most = limits.poll().toMillis();
          return Messages.write(
              rounds.next(asked.guest().name, Duration.ofMillis(Math.clamp(patience, 0, most))));
        });
  }

  @Override
  public void submit(Envelope envelope, StreamObserver<Envelope> out) {
    answer(
        "Submit",
        envelope,
        out,
        asked -> {
          Blob update = Messages.read(SubmitAsked.parseFrom(asked.body()).getUpdate());
          return handedIn(asked, update, file -> rounds.submit(asked.guest().name, file));
        });
  }

  @Override
  public void speak(Envelope envelope, StreamObserver<Envelope> out) {
    answer(
        "Speak",
        envelope,
        out,
        asked -> {
          SpeakAsked speaking = SpeakAsked.parseFrom(asked.body());
          if (speaking.getRound() != asked.header().getRound())
            throw Refused.forGood(
                "a message for round "
                    + speaking.getRound()
                    + " from a party in round "
                    + asked.header().getRound());
          SecureReply reply = Messages.read(speaking);
          String name = asked.guest().name;
          if (speaking.hasNumbers())
            return handedIn(
                asked,
                Messages.read(speaking.getNumbers()),
                file -> rounds.speak(name, reply, file));
          HandedIn before = asked.guest().again(asked.body());
          return before != null ? before : done(asked, rounds.speak(name, reply, null));
        });
  }

  private interface Taking {
    Receipt take(Path file) throws IOException;
  }

  private HandedIn handedIn(Asked asked, Blob blob, Taking taking) throws IOException, Refused {
    Guest guest = asked.guest();
    guest.handing.lock();
    try {
      HandedIn before = guest.again(asked.body());
      if (before != null) return before;
      incoming.check(guest, blob);
      if (!incoming.isWhole(guest, blob))
        return HandedIn.newBuilder().setMissingFrom(incoming.held(guest, blob)).build();
      log.transfer("uploaded", guest.name, blob, 0, blob.bytes());
      return done(asked, taking.take(incoming.whole(guest, blob)));
    } finally {
      guest.handing.unlock();
    }
  }

  private static HandedIn done(Asked asked, Receipt receipt) {
    if (receipt.verdict() == Receipt.Verdict.ACCEPTED)
      asked.guest().remember(asked.body(), said(new Receipt(Receipt.Verdict.DUPLICATE, "")));
    return said(receipt);
  }

  private static HandedIn said(Receipt receipt) {
    return HandedIn.newBuilder().setReceipt(Messages.write(receipt)).build();
  }

  @Override
  public void fetch(Envelope envelope, StreamObserver<Part> out) {
    ServerCallStreamObserver<Part> call = (ServerCallStreamObserver<Part>) out;
    try {
      Asked asked = admit("Fetch", envelope);
      FetchAsked fetch = FetchAsked.parseFrom(asked.body());
      Blob blob = Messages.read(fetch.getBlob());
      Path file = rounds.object(asked.guest().name, blob.sha256());
      if (Files.size(file) != blob.bytes())
        throw Refused.forGood(
            "file " + blob.sha256() + " has " + Files.size(file) + " bytes, not " + blob.bytes());
      if (fetch.getOffset() < 0 || fetch.getOffset() > blob.bytes())
        throw Refused.forGood("offset " + fetch.getOffset() + " of " + blob.bytes() + " bytes");
      log.transfer("fetch", asked.guest().name, blob, fetch.getOffset(), blob.bytes());
      Growing.Chunks chunks = new Growing.Chunks(file, fetch.getOffset());
      Sending sending = new Sending(asked.guest(), blob, fetch.getOffset(), chunks, call);
      call.setOnCancelHandler(sending::broken);
      call.setOnReadyHandler(sending);
      FetchSaid said = FetchSaid.newBuilder().setBytes(blob.bytes()).build();
      call.onNext(Part.newBuilder().setEnvelope(reply(envelope, null, said)).build());
      sending.run();
    } catch (Exception e) {
      Envelope refusal = refuse("Fetch", envelope, e);
      call.onNext(Part.newBuilder().setEnvelope(refusal).build());
      call.onCompleted();
    }
  }

  /** A file on its way to a client: as many chunks as it takes, whenever it takes some. */
  private final class Sending implements Runnable {
    private final Guest guest;
    private final Blob blob;
    private final long from;
    private final Growing.Chunks chunks;
    private final ServerCallStreamObserver<Part> out;
    private boolean done;

    Sending(
        Guest guest,
        Blob blob,
        long from,
        Growing.Chunks chunks,
        ServerCallStreamObserver<Part> out) {
      this.guest = guest;
      this.blob = blob;
      this.from = from;
      this.chunks = chunks;
      this.out = out;
    }

    @Override
    public void run() {
      try {
        while (!done && out.isReady()) {
          if (chunks.hasNext()) {
            out.onNext(Part.newBuilder().setChunk(chunks.next()).build());
          } else {
            end("fetched");
            out.onCompleted();
          }
        }
      } catch (IOException | UncheckedIOException e) {
        LOGGER.log(Level.WARNING, "file " + blob.sha256() + " cannot be sent", e);
        broken();
        out.onError(io.grpc.Status.UNAVAILABLE.withDescription("unreadable").asException());
      }
    }

    void broken() {
      if (!done) end("fetch-broken");
    }

    private void end(String event) {
      done = true;
      try (chunks) {
        log.transfer(event, guest.name, blob, from, chunks.at());
      } catch (IOException e) {
        LOGGER.log(Level.WARNING, "file " + blob.sha256() + " cannot be closed", e);
      }
    }
  }

  @Override
  public StreamObserver<Part> upload(StreamObserver<Envelope> out) {
    ((ServerCallStreamObserver<Envelope>) out).setOnCancelHandler(() -> {});
    return new Receiving(out, Calls.CERTIFICATE.get());
  }

  /** A file on its way from a client. */
  private final class Receiving implements StreamObserver<Part> {
    private final StreamObserver<Envelope> out;
    private final @Nullable X509Certificate certificate;
    private Envelope envelope = Envelope.getDefaultInstance();
    private @Nullable Asked asked;
    private @Nullable Blob blob;
    private @Nullable Growing file;
    private boolean done;

    Receiving(StreamObserver<Envelope> out, @Nullable X509Certificate certificate) {
      this.out = out;
      this.certificate = certificate;
    }

    @Override
    public void onNext(Part part) {
      if (done) return; // What was under way when it was refused.
      try {
        Growing growing = file;
        if (growing == null) begin(part);
        else if (part.hasChunk()) growing.append(part.getChunk());
        else throw Refused.forGood("a second envelope within an upload");
      } catch (Exception e) {
        refuse(e);
      }
    }

    private void begin(Part part) throws IOException, Refused {
      envelope = part.getEnvelope();
      Asked a = admit("Upload", envelope, certificate);
      UploadAsked upload = UploadAsked.parseFrom(a.body());
      Blob b = Messages.read(upload.getBlob());
      a.guest().handing.lock();
      try {
        incoming.check(a.guest(), b);
        Growing growing = incoming.open(a.guest(), b);
        asked = a;
        blob = b;
        file = growing;
        if (growing.held() != upload.getOffset())
          throw Refused.forNow(
              "an upload from byte "
                  + upload.getOffset()
                  + ", but "
                  + growing.held()
                  + " are here");
      } finally {
        a.guest().handing.unlock();
      }
    }

    @Override
    public void onCompleted() {
      if (done) return;
      Asked a = asked;
      Growing growing = file;
      Blob b = blob;
      try {
        if (a == null || growing == null || b == null)
          throw Refused.forGood("an upload of nothing");
        a.guest().handing.lock();
        try {
          if (growing.whole()) growing.finish(incoming.whole(a.guest(), b));
          else growing.close();
        } finally {
          a.guest().handing.unlock();
        }
        done = true;
        out.onNext(reply(envelope, null, UploadSaid.newBuilder().setHeld(growing.held()).build()));
        out.onCompleted();
      } catch (Exception e) {
        refuse(e);
      }
    }

    private void refuse(Exception e) {
      stop();
      out.onNext(Desk.this.refuse("Upload", envelope, e, certificate));
      out.onCompleted();
    }

    @Override
    public void onError(Throwable broken) {
      stop(); // What came is kept; the client goes on from there.
    }

    private void stop() {
      done = true;
      try {
        if (file != null) file.close();
      } catch (IOException e) {
        LOGGER.log(Level.WARNING, "an upload cannot be closed", e);
      }
    }
  }

  private void answer(String call, Envelope envelope, StreamObserver<Envelope> out, Work work) {
    // Who went away meanwhile is answered into the void rather than by an exception.
    ((ServerCallStreamObserver<Envelope>) out).setOnCancelHandler(() -> {});
    Envelope said;
    try {
      said = reply(envelope, null, work.done(admit(call, envelope)));
    } catch (Exception e) {
      said = refuse(call, envelope, e);
    }
    out.onNext(said);
    out.onCompleted();
  }

  private Asked admit(String call, Envelope envelope) throws IOException, Refused {
    return admit(call, envelope, Calls.CERTIFICATE.get());
  }

  /** Whether this message is of this client, for this call, this federation, this moment. */
  private Asked admit(String call, Envelope envelope, @Nullable X509Certificate certificate)
      throws IOException, Refused {
    Guest guest = certificate == null ? null : guests.of(Kit.fingerprint(certificate));
    if (guest == null || certificate == null)
      throw Refused.forGood("the owner's kit lists no client of this certificate");
    if (!rounds.clients().contains(guest.name))
      throw Refused.forGood("\"" + guest.name + "\" takes no part in these rounds");
    if (!Envelopes.verify(Envelopes.Side.REQUEST, envelope, certificate.getPublicKey()))
      throw Refused.forGood("the signature does not fit: changed on its way, or another's");
    Header header = Header.parseFrom(envelope.getHeader());
    if (!header.getClient().equals(guest.name))
      throw Refused.forGood(
          "says it is of \""
              + brief(header.getClient())
              + "\", the certificate is \""
              + guest.name
              + "\"'s");
    if (!header.getFederation().equals(kit.federation()))
      throw Refused.forGood(
          "is for the federation \""
              + brief(header.getFederation())
              + "\", this is \""
              + kit.federation()
              + "\"");
    boolean hello = call.equals("Hello");
    if (!header.getBase().equals(rounds.base()) && !(hello && header.getBase().isEmpty()))
      throw Refused.forGood(
          "is for the base " + brief(header.getBase()) + ", this is " + rounds.base());
    if (!header.getCall().equals(call))
      throw Refused.forGood("was signed for the call " + brief(header.getCall()));
    if (header.getRound() < 0) throw Refused.forGood("round " + header.getRound());
    if (!hello) guest.take(header);
    return new Asked(guest, header, envelope.getBody());
  }

  private Envelope reply(Envelope request, @Nullable Refusal refusal, MessageLite body) {
    ReplyHeader.Builder header = ReplyHeader.newBuilder().setRequest(Envelopes.digest(request));
    if (refusal != null) header.setRefusal(refusal);
    return Envelopes.sign(Envelopes.Side.REPLY, header.build(), body, kit.key());
  }

  private Envelope refuse(String call, Envelope request, Exception why) {
    return refuse(call, request, why, Calls.CERTIFICATE.get());
  }

  private Envelope refuse(
      String call, Envelope request, Exception why, @Nullable X509Certificate certificate) {
    Refused refused = refusal(why);
    Guest guest = certificate == null ? null : guests.of(Kit.fingerprint(certificate));
    log.refused(guest == null ? "-" : guest.name, call, refused.reason());
    Refusal refusal =
        Refusal.newBuilder().setKind(refused.kind).setReason(refused.reason()).build();
    return reply(request, refusal, Envelope.getDefaultInstance());
  }

  private static Refused refusal(Exception why) {
    String message = String.valueOf(why.getMessage());
    return switch (why) {
      case Refused r -> r;
      case RefusedException e -> Refused.forGood(message);
      case InvalidProtocolBufferException e -> Refused.forGood("the message cannot be read");
      case FormatException e -> Refused.forGood(message);
      case IllegalArgumentException e -> Refused.forGood(message);
      case Growing.TornException e -> Refused.forNow(message);
      case Growing.CutException e -> Refused.forNow(message);
      case Growing.DiskException e -> failed("the owner's disk takes no more", e);
      case IOException e -> failed("the owner cannot read or write now", e);
      case UncheckedIOException e -> failed("the owner cannot read or write now", e);
      case RejectedExecutionException e -> Refused.forNow("the owner is stopping");
      case InterruptedException e -> Refused.forNow("the owner is stopping");
      default -> failed("the owner failed: " + why.getClass().getSimpleName(), why);
    };
  }

  private static Refused failed(String reason, Exception cause) {
    LOGGER.log(Level.WARNING, reason, cause);
    return Refused.forNow(reason);
  }

  /** What a client wrote, short and of plain characters. */
  private static String brief(String text) {
    String plain = text.replaceAll("[^ -~]", "?");
    return plain.length() > 80 ? plain.substring(0, 80) + "…" : plain;
  }
}

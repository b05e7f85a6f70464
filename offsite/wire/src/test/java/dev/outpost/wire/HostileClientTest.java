package dev.outpost.wire;

import static org.assertj.core.api.Assertions.assertThat;

import com.google.protobuf.ByteString;
import com.google.protobuf.MessageLite;
import dev.outpost.offsite.federated.Answer;
import dev.outpost.offsite.federated.Blob;
import dev.outpost.wire.proto.Chunk;
import dev.outpost.wire.proto.Envelope;
import dev.outpost.wire.proto.FetchAsked;
import dev.outpost.wire.proto.HandedIn;
import dev.outpost.wire.proto.Header;
import dev.outpost.wire.proto.HelloAsked;
import dev.outpost.wire.proto.HelloSaid;
import dev.outpost.wire.proto.NextAsked;
import dev.outpost.wire.proto.OwnerGrpc;
import dev.outpost.wire.proto.OwnerGrpc.OwnerBlockingV2Stub;
import dev.outpost.wire.proto.Part;
import dev.outpost.wire.proto.Phase;
import dev.outpost.wire.proto.Refusal;
import dev.outpost.wire.proto.ReplyHeader;
import dev.outpost.wire.proto.SpeakAsked;
import dev.outpost.wire.proto.SubmitAsked;
import dev.outpost.wire.proto.UploadAsked;
import dev.outpost.wire.proto.UploadSaid;
import io.grpc.Status;
import io.grpc.StatusException;
import io.grpc.stub.BlockingClientCall;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.atomic.AtomicReference;
import java.util.function.UnaryOperator;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Messages made by hand by one who has a kit: each is refused with its reason, and logged. */
class HostileClientTest {
  @TempDir Path folder;
  private Stage stage;
  private Kit alice;
  private OwnerBlockingV2Stub owner;
  private ByteString session;
  private long counter;

  @BeforeEach
  void open() throws Exception {
    stage = new Stage(folder);
    alice = stage.kit("alice");
    owner = OwnerGrpc.newBlockingV2Stub(stage.channel(alice));
    Envelope hello =
        sign(
            header("Hello").setCounter(0),
            HelloAsked.newBuilder().setNonce(ByteString.copyFrom(new byte[32])).build());
    session = HelloSaid.parseFrom(owner.hello(hello).getBody()).getSession();
  }

  @AfterEach
  void close() throws Exception {
    // Whatever was tried, the server serves.
    try (WireCoordinator honest = stage.client("bob")) {
      assertThat(honest.next(Duration.ZERO)).isInstanceOf(Answer.Wait.class);
    }
    stage.close();
  }

  private Header.Builder header(String call) {
    return Header.newBuilder()
        .setFederation("demo")
        .setClient("alice")
        .setBase(FakeRounds.BASE)
        .setRound(3)
        .setSession(session == null ? ByteString.EMPTY : session)
        .setCounter(++counter)
        .setCall(call);
  }

  private Envelope sign(Header.Builder header, MessageLite body) {
    return Envelopes.sign(Envelopes.Side.REQUEST, header.build(), body, alice.key());
  }

  private static NextAsked ask() {
    return NextAsked.newBuilder().setPatienceMillis(0).build();
  }

  /** The refusal in a reply, its signature checked. */
  private Refusal refusal(Envelope reply) throws Exception {
    assertThat(Envelopes.verify(Envelopes.Side.REPLY, reply, alice.server().getPublicKey()))
        .isTrue();
    ReplyHeader header = ReplyHeader.parseFrom(reply.getHeader());
    assertThat(header.hasRefusal()).as("refused").isTrue();
    assertThat(reply.getBody()).isEmpty();
    return header.getRefusal();
  }

  private void refused(Envelope reply, Refusal.Kind kind, String reason) throws Exception {
    Refusal refusal = refusal(reply);
    assertThat(refusal.getReason()).contains(reason);
    assertThat(refusal.getKind()).isEqualTo(kind);
    assertThat(stage.refused(reason).value("party")).isEqualTo("alice");
  }

  private void nextRefused(UnaryOperator<Header.Builder> change, String reason) throws Exception {
    Envelope asked = sign(change.apply(header("Next")), ask());
    refused(owner.next(asked), Refusal.Kind.FINAL, reason);
  }

  @Test
  void anHonestMessageIsAnswered() throws Exception {
    Envelope reply = owner.next(sign(header("Next"), ask()));
    assertThat(ReplyHeader.parseFrom(reply.getHeader()).hasRefusal()).isFalse();
  }

  @Test
  void whatIsPlayedAgainOrOutOfOrder() throws Exception {
    Envelope early = sign(header("Next"), ask());
    Envelope asked = sign(header("Next"), ask());
    assertThat(ReplyHeader.parseFrom(owner.next(asked).getHeader()).hasRefusal()).isFalse();
    refused(owner.next(asked), Refusal.Kind.FINAL, "played again, or out of order");
    refused(owner.next(early), Refusal.Kind.FINAL, "message 2 of a session that is at 3");
    nextRefused(h -> h.setRound(2), "round 2 after one of round 3");
  }

  @Test
  void whatIsOfAnOldSession() throws Exception {
    Envelope asked = sign(header("Next").setSession(ByteString.copyFrom(new byte[32])), ask());
    refused(owner.next(asked), Refusal.Kind.SESSION, "its session is unknown here");
    Envelope recorded = sign(header("Next"), ask());
    stage.restart();
    owner = OwnerGrpc.newBlockingV2Stub(stage.channel(alice));
    refused(owner.next(recorded), Refusal.Kind.SESSION, "the server was started anew");
  }

  @Test
  void whatWasChangedOnItsWay() throws Exception {
    Envelope asked = sign(header("Next"), ask());
    ByteString other = NextAsked.newBuilder().setPatienceMillis(9).build().toByteString();
    String reason = "the signature does not fit";
    refused(owner.next(asked.toBuilder().setBody(other).build()), Refusal.Kind.FINAL, reason);
    refused(
        owner.next(asked.toBuilder().setHeader(header("Next").build().toByteString()).build()),
        Refusal.Kind.FINAL,
        reason);
    refused(
        owner.next(asked.toBuilder().setSignature(ByteString.copyFromUtf8("no")).build()),
        Refusal.Kind.FINAL,
        reason);
    refused(owner.next(Envelope.getDefaultInstance()), Refusal.Kind.FINAL, reason);
  }

  @Test
  void whatAnotherSigned() throws Exception {
    Header bob = header("Next").setClient("bob").build();
    Envelope bobs = Envelopes.sign(Envelopes.Side.REQUEST, bob, ask(), stage.kit("bob").key());
    refused(owner.next(bobs), Refusal.Kind.FINAL, "the signature does not fit");
    nextRefused(h -> h.setClient("bob"), "says it is of \"bob\", the certificate is \"alice\"'s");
    nextRefused(h -> h.setClient("../../etc/passwd\n"), "says it is of \"../../etc/passwd?\"");
  }

  @Test
  void whatIsForAnotherFederationBaseOrCall() throws Exception {
    nextRefused(h -> h.setFederation("other"), "is for the federation \"other\"");
    nextRefused(h -> h.setBase("00".repeat(32)), "is for the base 0000");
    nextRefused(h -> h.setBase(""), "is for the base");
    nextRefused(h -> h.setCall("Submit"), "was signed for the call Submit");
    nextRefused(h -> h.setRound(-1), "round -1");
  }

  @Test
  void whatCannotBeRead() throws Exception {
    Envelope open =
        Envelope.newBuilder()
            .setHeader(header("Next").build().toByteString())
            .setBody(ByteString.copyFrom(new byte[] {-1, -1, -1}))
            .build();
    Envelope garbage = resigned(open);
    refused(owner.next(garbage), Refusal.Kind.FINAL, "the message cannot be read");
  }

  /** Signs bytes that are no message. */
  private Envelope resigned(Envelope open) throws Exception {
    var s = java.security.Signature.getInstance("SHA256withECDSA");
    s.initSign(alice.key());
    s.update("outpost wire 1 request\0".getBytes(java.nio.charset.StandardCharsets.US_ASCII));
    s.update(Sha256.of(open.getHeader().toByteArray()));
    s.update(Sha256.of(open.getBody().toByteArray()));
    return open.toBuilder().setSignature(ByteString.copyFrom(s.sign())).build();
  }

  @Test
  void aMessageAboveTheLimitIsNotTaken() throws Exception {
    Envelope huge =
        Envelope.newBuilder().setBody(ByteString.copyFrom(new byte[Limits.MESSAGE + 1])).build();
    Status status =
        org.junit.jupiter.api.Assertions.assertThrows(StatusException.class, () -> owner.next(huge))
            .getStatus();
    assertThat(status.getCode()).isIn(Status.Code.RESOURCE_EXHAUSTED, Status.Code.CANCELLED);
    assertThat(stage.logged(l -> l.value("event").equals("broken")).value("reason").toString())
        .contains("above a limit");
  }

  private Envelope submit(Blob blob) throws Exception {
    return owner.submit(
        sign(header("Submit"), SubmitAsked.newBuilder().setUpdate(Messages.write(blob)).build()));
  }

  @Test
  void filesThatMayNotBe() throws Exception {
    var builder = dev.outpost.wire.proto.Blob.newBuilder();
    for (var bad :
        List.of(
            builder.setSha256("../../../etc/passwd").setBytes(5).build(),
            builder.setSha256("AB".repeat(32)).setBytes(5).build()))
      refused(
          owner.submit(sign(header("Submit"), SubmitAsked.newBuilder().setUpdate(bad).build())),
          Refusal.Kind.FINAL,
          "sha256 must be 64 hexadecimal digits");
    var negative = builder.setSha256("ab".repeat(32)).setBytes(-5).build();
    refused(
        owner.submit(sign(header("Submit"), SubmitAsked.newBuilder().setUpdate(negative).build())),
        Refusal.Kind.FINAL,
        "bytes must not be negative");
    Blob huge = new Blob("ab".repeat(32), Long.MAX_VALUE);
    refused(submit(huge), Refusal.Kind.FINAL, "a file of 9223372036854775807 bytes");
    refused(submit(new Blob("ab".repeat(32), 0)), Refusal.Kind.FINAL, "an empty file");
    refused(upload(huge, 0), Refusal.Kind.FINAL, "a file of 9223372036854775807 bytes");
    assertThat(stage.rounds.incoming()).isEmptyDirectory();
    FetchAsked beyond =
        FetchAsked.newBuilder()
            .setBlob(Messages.write(stage.rounds.offer(new byte[10])))
            .setOffset(11)
            .build();
    Part part = owner.fetch(sign(header("Fetch"), beyond)).read();
    refused(part.getEnvelope(), Refusal.Kind.FINAL, "offset 11 of 10 bytes");
  }

  @Test
  void aMessageOfASumForAnotherRound() throws Exception {
    SpeakAsked asked = SpeakAsked.newBuilder().setRound(4).setPhase(Phase.KEYS).build();
    refused(
        owner.speak(sign(header("Speak"), asked)),
        Refusal.Kind.FINAL,
        "a message for round 4 from a party in round 3");
    refused(
        owner.speak(sign(header("Speak"), asked.toBuilder().setRound(3).setPhaseValue(77).build())),
        Refusal.Kind.FINAL,
        "of a phase unknown here");
    assertThat(stage.rounds.spoken).isEmpty();
  }

  /** Uploads these chunks and returns the reply. */
  private Envelope upload(Blob blob, long offset, Chunk... chunks) throws Exception {
    BlockingClientCall<Part, Envelope> call = owner.upload();
    UploadAsked asked =
        UploadAsked.newBuilder().setBlob(Messages.write(blob)).setOffset(offset).build();
    call.write(Part.newBuilder().setEnvelope(sign(header("Upload"), asked)).build());
    for (Chunk chunk : chunks) call.write(Part.newBuilder().setChunk(chunk).build());
    call.halfClose();
    return call.read();
  }

  private static Chunk chunk(long offset, byte[] data, byte[] digestOf) {
    return Chunk.newBuilder()
        .setOffset(offset)
        .setData(ByteString.copyFrom(data))
        .setSha256(ByteString.copyFrom(Sha256.of(digestOf)))
        .build();
  }

  @Test
  void chunksThatDoNotFit() throws Exception {
    byte[] a = {1, 2, 3};
    byte[] b = {4, 5};
    byte[] both = {1, 2, 3, 4, 5};
    Blob blob = new Blob(Sha256.hex(both), 5);
    Chunk first = chunk(0, a, a);
    Chunk last = chunk(3, b, both);
    Refusal.Kind later = Refusal.Kind.LATER;
    refused(upload(blob, 0, first, chunk(3, new byte[] {4, 6}, both)), later, "another digest");
    refused(upload(blob, 0, first, first), later, "a chunk begins at byte 0, expected 3");
    refused(upload(blob, 0, last), later, "a chunk begins at byte 3, expected 0");
    refused(upload(blob, 0, first, last, chunk(5, a, a)), later, "0 are still to come");
    refused(upload(blob, 0, chunk(0, new byte[0], a)), later, "a chunk of 0 bytes");
    refused(upload(blob, 2), later, "an upload from byte 2, but 0 are here");
    byte[] large = new byte[Limits.CHUNK + 1];
    refused(
        upload(new Blob(Sha256.hex(large), large.length), 0, chunk(0, large, large)),
        later,
        "a chunk of 262145 bytes");
    // Every chunk is what it says, the whole is not.
    refused(upload(new Blob("ab".repeat(32), 3), 0, first), later, "its digest is");
    assertThat(stage.rounds.incoming()).isEmptyDirectory();

    Envelope said = upload(blob, 0, first, last);
    assertThat(UploadSaid.parseFrom(said.getBody()).getHeld()).isEqualTo(5);
    assertThat(HandedIn.parseFrom(submit(blob).getBody()).hasReceipt()).isTrue();
    assertThat(stage.rounds.taken).containsExactly("alice " + blob.sha256());
  }

  @Test
  void anUploadOfNothingOrOfEnvelopes() throws Exception {
    BlockingClientCall<Part, Envelope> call = owner.upload();
    call.halfClose();
    refused(call.read(), Refusal.Kind.FINAL, "an upload of nothing");
    BlockingClientCall<Part, Envelope> raw = owner.upload();
    raw.write(Part.newBuilder().setChunk(chunk(0, new byte[1], new byte[1])).build());
    refused(raw.read(), Refusal.Kind.FINAL, "the signature does not fit");
  }

  @Test
  void aNewerUploadTakesOver() throws Exception {
    byte[] content = {1, 2, 3, 4, 5};
    Blob blob = new Blob(Sha256.hex(content), 5);
    BlockingClientCall<Part, Envelope> stuck = owner.upload();
    UploadAsked asked = UploadAsked.newBuilder().setBlob(Messages.write(blob)).build();
    stuck.write(Part.newBuilder().setEnvelope(sign(header("Upload"), asked)).build());
    stuck.write(Part.newBuilder().setChunk(chunk(0, new byte[] {1, 2}, new byte[] {1, 2})).build());
    Path part = stage.rounds.incoming().resolve("alice." + blob.sha256() + ".part");
    Stage.until(() -> part.toFile().length() == 2);
    Chunk rest = chunk(2, new byte[] {3, 4, 5}, content);
    assertThat(UploadSaid.parseFrom(upload(blob, 2, rest).getBody()).getHeld()).isEqualTo(5);
    stuck.write(Part.newBuilder().setChunk(rest).build());
    refused(stuck.read(), Refusal.Kind.LATER, "another transfer of the same party took over");
    assertThat(HandedIn.parseFrom(submit(blob).getBody()).hasReceipt()).isTrue();
  }

  @Test
  void callsAboveTheLimitOfAClient() throws Exception {
    for (int i = 0; i < Stage.LIMITS.callsPerClient(); i++) {
      BlockingClientCall<Part, Envelope> call = owner.upload();
      stage.closing(() -> call.cancel("test ends", null));
    }
    // On another connection, as one connection has fewer streams.
    OwnerBlockingV2Stub more = OwnerGrpc.newBlockingV2Stub(stage.channel(alice));
    AtomicReference<Status> said = new AtomicReference<>(Status.OK);
    Stage.until(() -> {
      try {
        more.next(sign(header("Next"), ask()));
      } catch (StatusException e) {
        said.set(e.getStatus());
      }
      return !said.get().isOk(); // Else the calls above have not all arrived yet.
    });
    Status status = said.get();
    assertThat(status.getCode()).isEqualTo(Status.Code.RESOURCE_EXHAUSTED);
    assertThat(status.getDescription()).contains("the client has 6 calls already");
    assertThat(stage.refused("6 calls already").value("party")).isEqualTo("alice");
  }
}

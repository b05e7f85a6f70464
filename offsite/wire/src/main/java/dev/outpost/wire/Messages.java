package dev.outpost.wire;

import com.google.protobuf.ByteString;
import dev.outpost.offsite.artifact.BaseFingerprint;
import dev.outpost.offsite.artifact.MethodFields;
import dev.outpost.offsite.federated.Answer;
import dev.outpost.offsite.federated.Assignment;
import dev.outpost.offsite.federated.Blob;
import dev.outpost.offsite.federated.LocalPlan;
import dev.outpost.offsite.federated.Receipt;
import dev.outpost.offsite.federated.SecureReply;
import dev.outpost.offsite.federated.SecureRequest;
import dev.outpost.tensor.io.FormatException;
import dev.outpost.tensor.io.JsonObject;
import dev.outpost.wire.proto.Finished;
import dev.outpost.wire.proto.NextSaid;
import dev.outpost.wire.proto.Phase;
import dev.outpost.wire.proto.SpeakAsked;
import dev.outpost.wire.proto.Speaking;
import java.time.Duration;
import java.util.LinkedHashMap;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * The federation's records as messages and back. What is read is checked by the records' own
 * constructors; their {@link IllegalArgumentException} says which rule was broken.
 */
final class Messages {
  private Messages() {}

  static NextSaid write(Answer answer) {
    NextSaid.Builder said = NextSaid.newBuilder();
    return switch (answer) {
      case Answer.Tune t -> said.setTune(write(t.assignment())).build();
      case Answer.Speak s ->
          said.setSpeak(
                  Speaking.newBuilder()
                      .setAssignment(write(s.assignment()))
                      .setRequest(write(s.request())))
              .build();
      case Answer.Wait w -> said.setWaitMillis(w.atMost().toMillis()).build();
      case Answer.Finished f ->
          said.setFinished(Finished.newBuilder().setRounds(f.rounds()).setGlobal(write(f.global())))
              .build();
    };
  }

  static Answer read(NextSaid said) throws FormatException {
    return switch (said.getAnswerCase()) {
      case TUNE -> new Answer.Tune(read(said.getTune()));
      case SPEAK ->
          new Answer.Speak(
              read(said.getSpeak().getAssignment()), read(said.getSpeak().getRequest()));
      case WAIT_MILLIS -> new Answer.Wait(Duration.ofMillis(Math.max(0, said.getWaitMillis())));
      case FINISHED ->
          new Answer.Finished(said.getFinished().getRounds(), read(said.getFinished().getGlobal()));
      case ANSWER_NOT_SET ->
          throw new FormatException("wire: the owner's answer is of a kind unknown here");
    };
  }

  static dev.outpost.wire.proto.Blob write(Blob blob) {
    return dev.outpost.wire.proto.Blob.newBuilder()
        .setSha256(blob.sha256())
        .setBytes(blob.bytes())
        .build();
  }

  static Blob read(dev.outpost.wire.proto.Blob blob) {
    return new Blob(blob.getSha256(), blob.getBytes());
  }

  private static dev.outpost.wire.proto.Assignment write(Assignment a) {
    JsonObject method = JsonObject.create().put("method", a.method().name());
    MethodFields.put(method, a.method());
    var message =
        dev.outpost.wire.proto.Assignment.newBuilder()
            .setFederation(a.federation())
            .setBase(a.base().sha256())
            .setRound(a.round())
            .setClient(a.client())
            .setGlobal(write(a.global()))
            .setMethod(method.toLine())
            .setLocal(
                dev.outpost.wire.proto.LocalPlan.newBuilder()
                    .setSteps(a.local().steps())
                    .setBatch(a.local().batch())
                    .setRate(a.local().rate())
                    .setWeightDecay(a.local().weightDecay())
                    .setProximal(a.local().proximal())
                    .setScaffold(a.local().scaffold()))
            .setSeed(a.seed());
    a.pack().forEach((name, blob) -> message.putPack(name, write(blob)));
    if (a.control() != null) message.setControl(write(a.control()));
    return message.build();
  }

  private static Assignment read(dev.outpost.wire.proto.Assignment a) throws FormatException {
    Map<String, Blob> pack = new LinkedHashMap<>();
    a.getPackMap().forEach((name, blob) -> pack.put(name, read(blob)));
    var local = a.getLocal();
    return new Assignment(
        a.getFederation(),
        new BaseFingerprint(a.getBase()),
        a.getRound(),
        a.getClient(),
        pack,
        read(a.getGlobal()),
        a.hasControl() ? read(a.getControl()) : null,
        MethodFields.read(JsonObject.parse("assignment of round " + a.getRound(), a.getMethod())),
        new LocalPlan(
            local.getSteps(),
            local.getBatch(),
            local.getRate(),
            local.getWeightDecay(),
            local.getProximal(),
            local.getScaffold()),
        a.getSeed());
  }

  private static dev.outpost.wire.proto.SecureRequest write(SecureRequest r) {
    return dev.outpost.wire.proto.SecureRequest.newBuilder()
        .setAttempt(r.attempt())
        .setPhase(write(r.phase()))
        .setParty(r.party())
        .setThreshold(r.threshold())
        .setBody(ByteString.copyFrom(r.body()))
        .build();
  }

  private static SecureRequest read(dev.outpost.wire.proto.SecureRequest r) throws FormatException {
    return new SecureRequest(
        r.getAttempt(),
        read(r.getPhase()),
        r.getParty(),
        r.getThreshold(),
        r.getBody().toByteArray());
  }

  static SpeakAsked write(SecureReply r, @Nullable Blob numbers) {
    SpeakAsked.Builder asked =
        SpeakAsked.newBuilder()
            .setRound(r.round())
            .setAttempt(r.attempt())
            .setPhase(write(r.phase()))
            .setBody(ByteString.copyFrom(r.body()));
    if (numbers != null) asked.setNumbers(write(numbers));
    return asked.build();
  }

  static SecureReply read(SpeakAsked r) throws FormatException {
    return new SecureReply(
        r.getRound(), r.getAttempt(), read(r.getPhase()), r.getBody().toByteArray());
  }

  private static Phase write(SecureRequest.Phase phase) {
    return switch (phase) {
      case KEYS -> Phase.KEYS;
      case SHARES -> Phase.SHARES;
      case MASKED -> Phase.MASKED;
      case OPENED -> Phase.OPENED;
    };
  }

  private static SecureRequest.Phase read(Phase phase) throws FormatException {
    return switch (phase) {
      case KEYS -> SecureRequest.Phase.KEYS;
      case SHARES -> SecureRequest.Phase.SHARES;
      case MASKED -> SecureRequest.Phase.MASKED;
      case OPENED -> SecureRequest.Phase.OPENED;
      case UNKNOWN, UNRECOGNIZED ->
          throw new FormatException("wire: a message of a secure sum of a phase unknown here");
    };
  }

  static dev.outpost.wire.proto.Receipt write(Receipt receipt) {
    var verdict =
        switch (receipt.verdict()) {
          case ACCEPTED -> dev.outpost.wire.proto.Receipt.Verdict.ACCEPTED;
          case DUPLICATE -> dev.outpost.wire.proto.Receipt.Verdict.DUPLICATE;
          case LATE -> dev.outpost.wire.proto.Receipt.Verdict.LATE;
          case REFUSED -> dev.outpost.wire.proto.Receipt.Verdict.REFUSED;
        };
    return dev.outpost.wire.proto.Receipt.newBuilder()
        .setVerdict(verdict)
        .setReason(receipt.reason())
        .build();
  }

  static Receipt read(dev.outpost.wire.proto.Receipt receipt) throws FormatException {
    Receipt.Verdict verdict =
        switch (receipt.getVerdict()) {
          case ACCEPTED -> Receipt.Verdict.ACCEPTED;
          case DUPLICATE -> Receipt.Verdict.DUPLICATE;
          case LATE -> Receipt.Verdict.LATE;
          case REFUSED -> Receipt.Verdict.REFUSED;
          case UNDECIDED, UNRECOGNIZED ->
              throw new FormatException("wire: the owner's receipt says nothing known here");
        };
    return new Receipt(verdict, receipt.getReason());
  }
}

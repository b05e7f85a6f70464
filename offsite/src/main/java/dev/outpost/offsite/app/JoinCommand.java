package dev.outpost.offsite.app;

import dev.outpost.offsite.federated.Assignment;
import dev.outpost.offsite.federated.LocalData;
import dev.outpost.offsite.federated.LocalPrivacy;
import dev.outpost.offsite.federated.Participant;
import dev.outpost.offsite.federated.Receipt;
import dev.outpost.tensor.io.JsonObject;
import dev.outpost.tensor.kernel.Kernels;
import dev.outpost.transformer.train.Progress;
import java.io.IOException;
import java.nio.file.Path;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;

/** {@code outpost join}: a data owner takes part in a federation. */
@CommandLine.Command(
    name = "join",
    description = {
      "Data owner: take part in a federation until all its rounds are done.",
      "Fetches the package, tunes when asked, and sends back the adapter's numbers: never text, and with --dp-noise no loss either. Run the same command again after a crash or Ctrl-C: it goes on where it stood, and does nothing twice."
    },
    footer = {
      "",
      "Example: outpost join --kit kit --corpus private/ --out joined",
      "Example: outpost join --kit kit --corpus private/ --out joined --dp-noise 1.1 --dp-epsilon 8"
    })
final class JoinCommand extends Command {
  @Option(
      names = "--kit",
      required = true,
      paramLabel = "DIR",
      description = "The start kit that the model's owner gave you.")
  Path kit;

  @Mixin DataOptions data;

  @Option(
      names = "--validation",
      paramLabel = "SHARE",
      description =
          "Share of the text held back and measured before and after each round; the two losses are told to the owner. 0 holds nothing back. Default: ${DEFAULT-VALUE}.")
  double validation = 0.1;

  @Option(
      names = "--out",
      required = true,
      paramLabel = "DIR",
      description = "Folder for packages, rounds under way, and at the end the adapter.")
  Path out;

  @Option(
      names = "--dp-noise",
      paramLabel = "S",
      description =
          "Tune with differential privacy: noise of S times --dp-clip in every step. Needs --dp-epsilon. Default: no promise.")
  Double noise;

  @Option(
      names = "--dp-epsilon",
      paramLabel = "E",
      description =
          "With --dp-noise: take no further part when one more round would give away more than E of any one row. Default: no promise.")
  Double epsilon;

  @Option(
      names = "--dp-clip",
      paramLabel = "C",
      description = "With --dp-noise: the most one row's gradient may be long. Default: 1.")
  Float clip;

  @Option(
      names = "--dp-delta",
      paramLabel = "D",
      description = "With --dp-noise: the probability up to which E holds. Default: 1e-5.")
  Double delta;

  JoinCommand(Interruption interruption) {
    super(interruption);
  }

  @Override
  int run(Console console, Kernels kernels) throws Exception {
    LocalPrivacy privacy = privacy();
    LocalData local = RoundData.of(console, data, validation, privacy != null, out);
    OutputFolder.of(out, OutputFolder.Kind.NONE, kit);
    try (Participant p =
        new Participant(
            Transports.find().connect(kit, out.resolve("wire")),
            out,
            local,
            kernels,
            privacy,
            listener(console))) {
      Participant.Result result = p.run();
      if (!result.finished()) {
        console.error("stopped; run the same command again to go on");
        return ExitCode.INTERRUPTED;
      }
      Path global = out.resolve("global.safetensors");
      console.say(
          "all rounds are done; this party's updates count in "
              + result.rounds()
              + " of them since it was started. The adapter is "
              + global);
      console.emit(
          JsonObject.create()
              .put("event", "result")
              .put("rounds", result.rounds())
              .put("adapter", global.toString()));
      return ExitCode.OK;
    }
  }

  private @Nullable LocalPrivacy privacy() {
    if (noise == null) {
      BadInput.unless(
          epsilon == null && clip == null && delta == null,
          "--dp-epsilon, --dp-clip, --dp-delta: need --dp-noise");
      return null;
    }
    BadInput.unless(epsilon != null, "--dp-noise: needs --dp-epsilon, the budget over all rounds");
    try {
      return new LocalPrivacy(
          noise, clip == null ? 1 : clip, epsilon, delta == null ? 1e-5 : delta);
    } catch (IllegalArgumentException e) {
      throw new BadInput("--dp-…: " + e.getMessage());
    }
  }

  private Participant.Listener listener(Console console) {
    return new Participant.Listener() {
      @Override
      public Progress tuning(Assignment a) {
        console.emit(
            JsonObject.create()
                .put("event", "tuning")
                .put("round", a.round())
                .put("client", a.client()));
        return bar(console, "round " + a.round());
      }

      @Override
      public void handedIn(int round, Receipt receipt) {
        console.note(
            "round "
                + round
                + ": the owner says "
                + receipt.verdict().name().toLowerCase(java.util.Locale.ROOT)
                + (receipt.reason().isEmpty() ? "" : " (" + receipt.reason() + ")"));
        console.emit(
            JsonObject.create()
                .put("event", "receipt")
                .put("round", round)
                .put("verdict", receipt.verdict().toString())
                .put("reason", receipt.reason()));
      }

      @Override
      public void unreachable(IOException reason) {
        // What the network library adds on further lines is for its own developers.
        String first = String.valueOf(reason.getMessage()).lines().findFirst().orElse("");
        console.note("the owner cannot be reached, trying again: " + first);
      }

      @Override
      public boolean stopRequested() {
        return JoinCommand.this.stopRequested();
      }
    };
  }
}

package dev.outpost.offsite.app;

import dev.outpost.offsite.artifact.BaseFingerprint;
import dev.outpost.offsite.artifact.OffsitePackage;
import dev.outpost.offsite.control.CompressionCurve;
import dev.outpost.offsite.control.Controller;
import dev.outpost.offsite.control.Features;
import dev.outpost.offsite.control.FederationControl;
import dev.outpost.offsite.control.FixedController;
import dev.outpost.offsite.control.GreedyController;
import dev.outpost.offsite.control.Policy;
import dev.outpost.offsite.control.PolicyController;
import dev.outpost.offsite.control.RandomController;
import dev.outpost.offsite.control.Scenario;
import dev.outpost.offsite.federated.AuditLog;
import dev.outpost.offsite.federated.ClientName;
import dev.outpost.offsite.federated.Director;
import dev.outpost.offsite.federated.Emulators;
import dev.outpost.offsite.federated.Federation;
import dev.outpost.offsite.federated.FederationListener;
import dev.outpost.offsite.federated.FederationPlan;
import dev.outpost.offsite.federated.GlobalState;
import dev.outpost.offsite.federated.Participant;
import dev.outpost.offsite.federated.RoundReport;
import dev.outpost.offsite.federated.Transport;
import dev.outpost.offsite.live.LiveSnapshot;
import dev.outpost.offsite.live.LiveView;
import dev.outpost.tensor.io.JsonObject;
import dev.outpost.tensor.kernel.Kernels;
import dev.outpost.tensor.kernel.Team;
import java.io.IOException;
import java.nio.file.Path;
import java.time.InstantSource;
import java.util.Locale;
import java.util.SortedMap;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.FutureTask;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;

/** {@code outpost serve}: the model's owner runs a federation. */
@CommandLine.Command(
    name = "serve",
    description = {
      "Owner: run a federation: open rounds, send packages, take updates, make the adapter of them.",
      "Run the same command again after a crash or Ctrl-C: no update that was accepted is lost. At the end the adapter is in --out/adapter, for outpost plug."
    },
    footer = {
      "",
      "Example: outpost serve --plan federation.json --kit kits/server --out federation",
      "Example: outpost serve --plan federation.json --kit kits/server --out federation --model model --measure test.txt"
    })
final class ServeCommand extends Command {
  private static final String MEASURED = "measured.jsonl";

  @Option(
      names = "--plan",
      required = true,
      paramLabel = "FILE",
      description = "The federation, as JSON; see docs/federation.md.")
  Path plan;

  @Option(
      names = "--kit",
      required = true,
      paramLabel = "DIR",
      description = "The server's start kit, from outpost provision.")
  Path kit;

  @Option(
      names = "--out",
      required = true,
      paramLabel = "DIR",
      description = "Folder for the federation's state, its audit log and the adapter.")
  Path out;

  @Option(
      names = "--model",
      paramLabel = "DIR",
      description = "With --measure: the full model, into which each round's adapter is plugged.")
  Path model;

  @Option(
      names = "--measure",
      paramLabel = "PATH",
      description = "With --model: text to measure the plugged-in model on after each round.")
  Path measure;

  @Option(
      names = "--realign",
      paramLabel = "N",
      description =
          "FedBiOT: before each round but the first, train every emulator N steps towards the full model with the adapter as it stands. Needs --model and --public. Default: emulators stay as they are.")
  Integer realign;

  @Option(
      names = "--public",
      paramLabel = "PATH",
      description = "With --realign: public text to align on.")
  Path publicText;

  @Option(
      names = "--controller",
      paramLabel = "NAME",
      description =
          "Who decides on each round's parties and emulators: fixed, random, greedy, or the file of a policy that outpost control trained for as many devices and emulators. Default: the plan's emulators, and a share of the clients drawn by the seed.")
  String controller;

  @Mixin DataOptions data;

  @Option(
      names = "--linger",
      paramLabel = "SECONDS",
      description =
          "After the last round, stay so long at most for clients to hear of it. Default: ${DEFAULT-VALUE}.")
  int linger = 60;

  @Mixin LiveOptions live;
  @Mixin EventOptions events;
  @Mixin SealOptions.Signing seal;

  ServeCommand(Interruption interruption) {
    super(interruption);
  }

  /** What is told of a round after the fact, outside the federation's lock. */
  private record Done(RoundReport report, GlobalState state) {}

  @Override
  int run(Console console, Kernels kernels) throws Exception {
    FederationPlan federation = FederationPlan.read(plan);
    boolean tunes = federation.clients().containsKey(ClientName.SERVER);
    boolean fed = data.given() || data.corpus.path != null;
    BadInput.unless(
        tunes == fed,
        tunes
            ? "--corpus: is missing; the plan has the server take part, so it needs text of its own"
            : "--corpus, --data: the plan has no client called server, so nobody would read them");
    BadInput.unless(
        (realign == null) == (publicText == null),
        "--realign and --public: are of use together only");
    BadInput.unless(
        model != null || (measure == null && realign == null),
        "--model: is missing; --measure and --realign need the full model");
    BadInput.unless(
        model == null || measure != null || realign != null,
        "--model: is of use with --measure or --realign only");
    BadInput.unless(
        realign == null || realign >= 1, "--realign: must be at least 1, got " + realign);
    OutputFolder.of(out, OutputFolder.Kind.NONE, kit);
    seal.read();
    // A party would find out only after it has fetched everything.
    for (Path pack : federation.emulators().values())
      try (OffsitePackage p = OffsitePackage.open(pack)) {
        ModelOptions.tokenizer(pack, p.model());
      }
    BlockingQueue<Done> done = new LinkedBlockingQueue<>();
    LiveView view = new LiveView(federation, InstantSource.system());
    try (AuditLog audit =
            AuditLog.open(out.resolve("audit.jsonl"), InstantSource.system(), view::read);
        PlugInMeasure measured =
            PlugInMeasure.of(console, model, measure, kernels, out.resolve(MEASURED), view);
        EventOptions.Events told = events.open(console);
        Team own = Team.of(threads);
        Team aligning = Team.of(threads);
        RoundPackages packages =
            RoundPackages.of(
                console, model, publicText, realign, out, Kernels.best(aligning), seed);
        Federation f =
            Federation.open(
                out,
                federation,
                packages.source(),
                director(federation, kernels),
                Kernels.best(own),
                audit,
                System::nanoTime,
                view.and(listener(console, done)))) {
      requireBase(measured, f.base());
      view.restore(f.base(), f.history());
      measured.restore();
      try (LiveOptions.Shown _ = live.show(console, view, federation.name());
          Transport.Listening listening = Transports.find().listen(kit, f, audit)) {
        console.note(
            String.format(
                Locale.ROOT,
                "federation %s of base %s: %d clients, %d of %d rounds done; listening on port %d",
                federation.name(),
                f.base().brief(),
                federation.clients().size(),
                f.state().round(),
                federation.rounds(),
                listening.port()));
        console.emit(
            JsonObject.create()
                .put("event", "listening")
                .put("port", listening.port())
                .put("base_fingerprint", f.base().sha256())
                .put("round", f.state().round()));
        if (f.state().round() == 0) measured.tell(0, f.artifact(JsonObject.create()), Double.NaN);
        FutureTask<Participant.Result> tuner = tunes ? tuner(console, f) : null;
        boolean finished = watch(console, f, measured, done, told, view, tuner);
        if (tuner != null && !finished) tuner.cancel(true);
        if (!finished) {
          console.error("stopped; run the same command again to go on");
          return ExitCode.INTERRUPTED;
        }
        finish(console, f);
        long until = System.nanoTime() + TimeUnit.SECONDS.toNanos(linger);
        while (!f.everyoneKnows() && System.nanoTime() < until && !stopRequested())
          Thread.sleep(100);
        if (tuner != null) tuner.cancel(true);
      }
    }
    return ExitCode.OK;
  }

  private Director director(FederationPlan federation, Kernels kernels) throws IOException {
    if (controller == null) return Director.drawing(federation);
    BadInput.unless(
        federation.noise() == null,
        "--controller: the plan's dp counts on parties drawn by lot; leave one of them out");
    BadInput.unless(
        federation.threshold() == 0,
        "--controller: a secure sum needs as many parties as its threshold in every round; leave one of them out");
    FederationControl control =
        FederationControl.of(
            federation, Emulators.open(federation.emulators()), CompressionCurve.measured());
    Scenario scenario = control.scenario();
    try {
      Controller chosen =
          switch (controller) {
            case "fixed" -> FixedController.fitting(scenario.catalogue());
            case "random" -> new RandomController(scenario.catalogue(), federation.seed());
            case "greedy" -> new GreedyController(scenario, true);
            default ->
                new PolicyController(
                    Policy.read(Path.of(controller)),
                    new Features(scenario.catalogue(), scenario.weights().delayUnit()),
                    kernels);
          };
      return control.director(chosen);
    } catch (IllegalArgumentException e) {
      throw new BadInput("--controller: " + e.getMessage());
    }
  }

  private static void requireBase(PlugInMeasure measured, BaseFingerprint base) {
    if (measured.base() != null && !measured.base().equals(base))
      throw new BadInput(
          "--model: is "
              + measured.base().brief()
              + ", the emulators were made of "
              + base.brief()
              + "; give the model they were made of");
  }

  private boolean watch(
      Console console,
      Federation f,
      PlugInMeasure measured,
      BlockingQueue<Done> done,
      EventOptions.Events told,
      LiveView view,
      @Nullable FutureTask<Participant.Result> tuner)
      throws Exception {
    while (true) {
      // Read before the queue: a round that ends between the two is told on the next turn.
      boolean end = f.finished();
      Done d = done.poll(200, TimeUnit.MILLISECONDS);
      if (d != null) {
        tell(console, f, d);
        measured.tell(
            d.report().round(),
            f.artifact(JsonObject.create()).with(d.state().values().weights()),
            d.report().lossAfter());
        for (LiveSnapshot.Round r : view.snapshot().rounds())
          if (r.round() == d.report().round()) told.round(r);
      } else if (end) return true;
      if (stopRequested()) return false;
      requireGoingOn(tuner);
      f.advance();
    }
  }

  private static void tell(Console console, Federation f, Done d) {
    RoundReport r = d.report();
    double before =
        r.parties().stream()
            .mapToDouble(RoundReport.Party::lossBefore)
            .filter(Double::isFinite)
            .average()
            .orElse(Double.NaN);
    console.say(
        String.format(
            Locale.ROOT,
            "round %d of %d: %d of %d updates%s",
            r.round(),
            f.plan().rounds(),
            r.updates(),
            r.parties().size(),
            Double.isNaN(before)
                ? ""
                : String.format(
                    Locale.ROOT,
                    "; perplexity of the parties' own text %.2f, after tuning %.2f",
                    Math.exp(before),
                    Math.exp(r.lossAfter()))));
    console.emit(JsonObject.create().put("event", "round").put("report", r.toJson()));
  }

  private void finish(Console console, Federation f) throws Exception {
    Path adapter = out.resolve("adapter");
    JsonObject provenance = JsonObject.create().put("seed", f.plan().seed());
    f.spent()
        .ifPresent(s ->
            provenance.put(
                "privacy",
                JsonObject.create()
                    .put("mechanism", "dp-fedavg")
                    .put("epsilon", s.epsilon())
                    .put("delta", s.delta())
                    .put("protects", "one party's taking part, from who sees the adapters")));
    f.artifact(provenance).write(adapter);
    seal.sign(console, adapter);
    console.say("all rounds are done; the adapter is " + adapter);
    f.spent()
        .ifPresent(s ->
            console.say(
                String.format(
                    Locale.ROOT,
                    "differential privacy: (%.3f, %.1e) for each party",
                    s.epsilon(),
                    s.delta())));
    console.emit(JsonObject.create().put("event", "result").put("adapter", adapter.toString()));
  }

  /** The owner as one more party, in this process. */
  private FutureTask<Participant.Result> tuner(Console console, Federation f) {
    FutureTask<Participant.Result> task =
        new FutureTask<>(() -> {
          try (Team own = Team.of(threads);
              Participant p =
                  new Participant(
                      f.coordinator(ClientName.SERVER),
                      out.resolve("own"),
                      RoundData.of(console, data, 0.1, false, out.resolve("own")),
                      Kernels.best(own),
                      null,
                      new Participant.Listener() {
                        @Override
                        public boolean stopRequested() {
                          return ServeCommand.this.stopRequested();
                        }
                      })) {
            return p.run();
          }
        });
    Thread.ofPlatform().name("server-tuning").daemon().start(task);
    return task;
  }

  /** Ends the command with what ended the owner's own tuning: nobody else could hand it in. */
  private static void requireGoingOn(@Nullable FutureTask<Participant.Result> tuner)
      throws Exception {
    if (tuner == null || !tuner.isDone()) return;
    try {
      tuner.get();
    } catch (ExecutionException e) {
      if (e.getCause() instanceof Exception cause) throw cause;
      throw e;
    }
  }

  private FederationListener listener(Console console, BlockingQueue<Done> done) {
    return new FederationListener() {
      @Override
      public void opened(int round, SortedMap<String, String> emulators) {
        console.note("round " + round + " is open for " + String.join(", ", emulators.keySet()));
        console.emit(
            JsonObject.create()
                .put("event", "open")
                .put("round", round)
                .put("clients", emulators.keySet()));
      }

      @Override
      public void received(
          int round, String client, long bytes, double lossBefore, double lossAfter) {
        console.note("round " + round + ": update of " + client + ", " + bytes + " bytes");
        console.emit(
            JsonObject.create()
                .put("event", "update")
                .put("round", round)
                .put("client", client)
                .put("bytes", bytes));
      }

      @Override
      public void refused(String client, String reason) {
        console.error("refused from " + client + ": " + reason);
        console.emit(
            JsonObject.create()
                .put("event", "refused")
                .put("client", client)
                .put("reason", reason));
      }

      @Override
      public void closed(RoundReport report, GlobalState state) {
        done.add(new Done(report, state));
      }
    };
  }
}

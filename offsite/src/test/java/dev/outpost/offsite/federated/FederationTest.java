package dev.outpost.offsite.federated;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.outpost.offsite.artifact.BaseFingerprint;
import dev.outpost.offsite.artifact.OffsitePackage;
import dev.outpost.offsite.emulator.Realign;
import dev.outpost.offsite.emulator.StepTraining;
import dev.outpost.offsite.emulator.Workshop;
import dev.outpost.tensor.Tensor;
import dev.outpost.tensor.io.FormatException;
import dev.outpost.transformer.TinyModels;
import dev.outpost.transformer.TransformerModel;
import dev.outpost.transformer.train.Blocks;
import dev.outpost.transformer.train.Progress;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.Set;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

final class FederationTest {
  @TempDir Path dir;

  private static void same(AdapterValues a, AdapterValues b) {
    assertThat(a.names()).containsExactlyElementsOf(b.names());
    for (String name : a.names())
      assertThat(a.get(name).toArray()).as(name).isEqualTo(b.get(name).toArray());
  }

  /** By hand, party after party: what threads, files and the protocol must not change. */
  @Test
  void roundsAreFedAvgOfLocalTuning() throws Exception {
    TinyFederation t = new TinyFederation(dir, TinyFederation.BOTTLENECK, TinyFederation.LOCAL);
    AdapterValues federated = t.run("server");
    AdapterValues global;
    Map<String, OffsitePackage> packs = new LinkedHashMap<>();
    try {
      for (String e : t.plan.emulators().keySet())
        packs.put(e, OffsitePackage.open(dir.resolve(e)));
      global = LocalTuning.start(packs.get("whole"), t.plan.method(), t.plan.seed());
      for (int round = 1; round <= t.plan.rounds(); round++) {
        List<Update> updates = new ArrayList<>();
        for (String client : t.plan.clients().keySet()) {
          OffsitePackage pack = packs.get(t.plan.client(client).emulator());
          LocalData.Split data = TinyFederation.data(client).of(pack);
          long seed =
              dev.outpost.tensor.random.RandomStream.of(
                      t.plan.seed(), "federation." + round + "." + client)
                  .nextLong();
          LocalTuning.Outcome out =
              new LocalTuning(pack, t.plan.method(), TinyFederation.KERNELS)
                  .tune(
                      new LocalTuning.Start(round, seed, global, null, null),
                      t.plan.local(),
                      data.train(),
                      data.heldBack(),
                      null,
                      null,
                      Progress.SILENT);
          updates.add(new Update(client, round, data.train().count(), 1, out.values()));
        }
        global = new AggregationRule.WeightedMean().combine(updates);
      }
    } finally {
      packs.values().forEach(OffsitePackage::close);
    }
    same(federated, global);
    try (Federation f = t.open("server")) {
      assertThat(f.finished()).isTrue();
      assertThat(f.history()).hasSize(3).allMatch(r -> r.updates() == 3);
      assertThat(f.history().getLast().lossAfter())
          .isLessThan(f.history().getFirst().parties().getFirst().lossBefore());
    }
    assertThat(AuditChain.verify(dir.resolve("server/audit.jsonl")).lines())
        .as("begun, 3 rounds opened, 9 updates, 3 rounds closed")
        .isEqualTo(1 + 3 + 9 + 3);
    assertThat(AdapterFile.read(dir.resolve("server-ward-a/global.safetensors")).tensors())
        .hasSameSizeAs(global.tensors());
  }

  /**
   * Server and wards end at random moments and begin again on what lies on the disk; whoever runs
   * is drawn by a seed, so that many orders of arrival are seen.
   */
  @ParameterizedTest
  @ValueSource(longs = {1, 2, 3, 4})
  void whateverIsLostOnTheWayTheResultIsTheSame(long seed) throws Exception {
    LocalPlan local = new LocalPlan(3, 2, 1e-2f, 0, 0.1f, true);
    TinyFederation t = new TinyFederation(dir, TinyFederation.BOTTLENECK, local);
    AdapterValues undisturbed = t.run("calm");
    Random random = new Random(seed);
    List<String> clients = List.copyOf(t.plan.clients().keySet());
    int ends = 0;
    for (boolean done = false; !done; ends++) {
      assertThat(ends).isLessThan(400);
      try (Federation f = t.open("stormy")) {
        for (int i = 0; i < 1 + random.nextInt(3) && !f.finished(); i++) {
          String client = clients.get(random.nextInt(3));
          int steps = random.nextInt(6);
          try (Participant p = t.participant(f, "stormy", client, null, dying(steps))) {
            if (!f.next(client, Duration.ZERO).getClass().equals(Answer.Wait.class)) p.run();
          } catch (Killed e) {
            // Nothing of it is left but its folder.
          }
        }
        done = f.finished();
        if (done) same(f.state().values(), undisturbed);
      }
    }
    assertThat(ends).as("how often the server began").isGreaterThan(3);
  }

  /** Ends a ward like a power cut: while it tunes, or before or after it has handed in. */
  private static Participant.Listener dying(int steps) {
    return new Participant.Listener() {
      private boolean handedIn;

      @Override
      public Progress tuning(Assignment a) {
        return new Progress() {
          @Override
          public void step(Step s) {
            if (s.step() > steps) throw new Killed();
          }
        };
      }

      @Override
      public void handedIn(int round, Receipt r) {
        if (steps == 4) throw new Killed();
        handedIn = true;
      }

      @Override
      public boolean stopRequested() {
        return handedIn;
      }
    };
  }

  private static final class Killed extends RuntimeException {
    private static final long serialVersionUID = 1;
  }

  @Test
  void whatBreaksARuleIsRefusedWithAReasonAndTheRoundGoesOn() throws Exception {
    TinyFederation t = new TinyFederation(dir, TinyFederation.BOTTLENECK, TinyFederation.LOCAL);
    try (Federation f = t.open("server")) {
      Answer.Tune tune = (Answer.Tune) f.next("ward-a", Duration.ZERO);
      Assignment a = tune.assignment();
      AdapterValues good = AdapterFile.read(f.object("ward-a", a.global().sha256()));
      assertThat(refusal(f, "ward-a", a, update(a, good, 1).with(poisoned(good), 1)))
          .contains("NaN");
      assertThat(refusal(f, "ward-a", a, update(a, good, -5))).contains("claims -5 samples");
      assertThat(refusal(f, "ward-a", a, update(a, good, Long.MAX_VALUE))).contains("samples");
      assertThat(refusal(f, "ward-b", a, update(a, good, 1))).contains("came from ward-b");
      assertThat(refusal(f, "ward-a", a, new Update("ward-a", 2, 1, 1, good)))
          .contains("not asked for in round 2");
      Map<String, Tensor> fewer = new LinkedHashMap<>(good.tensors());
      String first = good.names().iterator().next();
      fewer.remove(first);
      assertThat(refusal(f, "ward-a", a, update(a, new AdapterValues(fewer), 1)))
          .contains("lacks [" + first + "]");
      Path garbage = f.incoming().resolve("x");
      Files.write(garbage, new byte[1000]);
      assertThat(f.submit("ward-a", garbage).verdict()).isEqualTo(Receipt.Verdict.REFUSED);
      Path foreign = f.incoming().resolve("y");
      new UpdateFile("others", BaseFingerprint.of(TinyModels.random(2, 9)), update(a, good, 1))
          .write(foreign);
      assertThat(f.submit("ward-a", foreign).reason()).contains("is of federation others");
      assertThatThrownBy(() -> f.next("../etc", Duration.ZERO))
          .isInstanceOf(RefusedException.class)
          .hasMessageContaining("no party of federation wards is called ../etc");
      Blob others = a.pack().get("model.safetensors");
      assertThatThrownBy(() -> f.object("ward-b", others.sha256()))
          .as("ward-b has another package")
          .isInstanceOf(RefusedException.class);

      assertThat(hand(f, "ward-a", a, update(a, good, 1)).verdict())
          .isEqualTo(Receipt.Verdict.ACCEPTED);
      assertThat(hand(f, "ward-a", a, update(a, good, 1)).verdict())
          .isEqualTo(Receipt.Verdict.DUPLICATE);
      assertThat(f.incoming()).as("nothing is left lying").isEmptyDirectory();
    }
    assertThat(AuditChain.verify(dir.resolve("server/audit.jsonl")).lines())
        .as("begun, opened, 8 refused, 1 accepted")
        .isEqualTo(11);
  }

  @Test
  void aPartyThatIsGoneDoesNotStallARoundAndComesTooLate() throws Exception {
    TinyFederation t =
        new TinyFederation(dir, TinyFederation.BOTTLENECK, TinyFederation.LOCAL)
            .with(
                new FederationPlan.Gathering(1, 2, 60),
                new AggregationRule.WeightedMean(),
                new ServerOptimizer.Take(),
                0,
                null);
    try (Federation f = t.open("server")) {
      Assignment a = ((Answer.Tune) f.next("ward-a", Duration.ZERO)).assignment();
      Assignment b = ((Answer.Tune) f.next("ward-b", Duration.ZERO)).assignment();
      Assignment c = ((Answer.Tune) f.next("ward-c", Duration.ZERO)).assignment();
      AdapterValues good = AdapterFile.read(f.object("ward-a", a.global().sha256()));
      hand(f, "ward-a", a, update(a, good, 1));
      t.now.addAndGet(61_000_000_000L);
      f.advance();
      assertThat(f.state().round()).as("one update is no quorum").isEqualTo(0);
      hand(f, "ward-b", b, update(b, good, 1));
      assertThat(f.state().round()).isEqualTo(1);
      Receipt late = hand(f, "ward-c", c, update(c, good, 1));
      assertThat(late.verdict()).isEqualTo(Receipt.Verdict.LATE);
      assertThat(hand(f, "ward-a", a, update(a, good, 1)).verdict())
          .as("its answer was lost, and it asks again")
          .isEqualTo(Receipt.Verdict.DUPLICATE);
      assertThat(f.history().getFirst().parties())
          .filteredOn(p -> !p.updated())
          .singleElement()
          .matches(p -> p.client().equals("ward-c"));
    }
  }

  @Test
  void anotherPlanDoesNotGoOnWithAFederation() throws Exception {
    TinyFederation t = new TinyFederation(dir, TinyFederation.BOTTLENECK, TinyFederation.LOCAL);
    t.open("server").close();
    t.with(
        FederationPlan.Gathering.ALL,
        new AggregationRule.Median(),
        new ServerOptimizer.Take(),
        0,
        null);
    assertThatThrownBy(() -> t.open("server"))
        .isInstanceOf(FormatException.class)
        .hasMessageContaining("another plan");
  }

  /** Different ranks, FedAdam on products: every shape arrives where it should, and it learns. */
  @Test
  void loraOfDifferentRanksLearnsTogether() throws Exception {
    TinyFederation t =
        new TinyFederation(dir, TinyFederation.LORA, LocalPlan.of(6, 4, 3e-2f))
            .ranks(Map.of("ward-b", 1, "ward-c", 4));
    t.run("server");
    try (Federation f = t.open("server")) {
      assertThat(f.history().getLast().lossAfter())
          .isLessThan(f.history().getFirst().parties().getFirst().lossBefore());
    }
    t.with(
        FederationPlan.Gathering.ALL,
        new AggregationRule.Median(),
        ServerOptimizer.FedAdam.of(1e-2),
        0,
        null);
    AdapterValues one = t.run("adam");
    same(t.run("adam-again"), one);
  }

  /** The sum is exact up to the grid of 2⁻²⁴, for values and for products of LoRA. */
  @ParameterizedTest
  @ValueSource(booleans = {false, true})
  void aSecureSumGivesWhatTheOpenOneGives(boolean lora) throws Exception {
    TinyFederation t =
        new TinyFederation(
            dir, lora ? TinyFederation.LORA : TinyFederation.BOTTLENECK, TinyFederation.LOCAL);
    AdapterValues open = t.run("open");
    t.with(
        FederationPlan.Gathering.ALL,
        new AggregationRule.WeightedMean(),
        new ServerOptimizer.Take(),
        2,
        null);
    AdapterValues secret = t.run("secret");
    LoraProducts products = new LoraProducts(TinyFederation.KERNELS, 2, 2, 0);
    AdapterValues a = lora ? products.products(open) : open;
    AdapterValues b = lora ? products.products(secret) : secret;
    assertThat(a.minus(b).norm()).isLessThan(1e-4 * a.norm());
    try (Stream<Path> all = Files.walk(dir.resolve("secret"))) {
      assertThat(all.filter(p -> p.toString().endsWith(".update")))
          .as("the server never held an update")
          .isEmpty();
    }
  }

  /** One ward dies after it has shared keys: the others' sum is theirs alone. */
  @Test
  void aSecureSumBearsAWardThatDies() throws Exception {
    TinyFederation t =
        new TinyFederation(dir, TinyFederation.BOTTLENECK, TinyFederation.LOCAL)
            .with(
                FederationPlan.Gathering.ALL,
                new AggregationRule.WeightedMean(),
                new ServerOptimizer.Take(),
                2,
                null);
    try (Federation f = t.open("server")) {
      List<Thread> threads = new ArrayList<>();
      for (String client : t.plan.clients().keySet()) {
        boolean dies = client.equals("ward-c");
        threads.add(
            Thread.ofPlatform()
                .start(() -> {
                  // The second process of ward-c knows nothing of the first one's secrets.
                  for (int life = 0; life < (dies ? 2 : 1); life++) {
                    try (Participant p =
                        t.participant(
                            f,
                            "server",
                            client,
                            null,
                            dies && life == 0 ? dying(1) : new Participant.Listener() {})) {
                      p.run();
                    } catch (Killed e) {
                      assertThat(life).isZero();
                    } catch (Exception e) {
                      throw new AssertionError(client, e);
                    }
                  }
                }));
      }
      for (Thread thread : threads) thread.join();
      assertThat(f.finished()).isTrue();
      assertThat(f.history().getFirst().parties())
          .filteredOn(RoundReport.Party::updated)
          .extracting(RoundReport.Party::client)
          .containsExactly("ward-a", "ward-b");
      assertThat(f.history().getLast().updates()).isEqualTo(3);
    }
  }

  @Test
  void noiseOfTheServerIsTheSameAfterACrashAndBoundsWhatOnePartyCanDo() throws Exception {
    TinyFederation t =
        new TinyFederation(dir, TinyFederation.BOTTLENECK, TinyFederation.LOCAL)
            .with(
                FederationPlan.Gathering.ALL,
                new AggregationRule.WeightedMean(),
                new ServerOptimizer.Take(),
                0,
                new FederationPlan.Noise(1e-6, 0.01, 1e-5));
    AdapterValues noisy = t.run("server");
    try (OffsitePackage p = OffsitePackage.open(dir.resolve("whole"))) {
      AdapterValues start = LocalTuning.start(p, t.plan.method(), t.plan.seed());
      assertThat(noisy.minus(start).norm())
          .as("three rounds of at most 0.01 each")
          .isBetween(1e-3, 0.03 + 1e-4);
    }
  }

  @Test
  void aPartyEndsWhenItsPrivacyBudgetIsSpent() throws Exception {
    TinyFederation t = new TinyFederation(dir, TinyFederation.BOTTLENECK, TinyFederation.LOCAL);
    try (Federation f = t.open("server")) {
      LocalPrivacy two = budgetOf(2, t.plan.local());
      try (Participant p =
          t.participant(f, "server", "ward-a", two, new Participant.Listener() {})) {
        Thread others =
            Thread.ofPlatform()
                .start(() -> {
                  for (int i = 0; i < 2; i++)
                    for (String c : List.of("ward-b", "ward-c"))
                      try (Participant q = t.participant(f, "server", c, null, dying(5))) {
                        q.run();
                      } catch (Exception e) {
                        throw new AssertionError(e);
                      }
                });
        assertThatThrownBy(p::run)
            .isInstanceOf(LocalPrivacy.BudgetSpentException.class)
            .hasMessageContaining("round 3 would bring epsilon to");
        others.join();
      }
      assertThat(f.history())
          .hasSize(2)
          .allSatisfy(r ->
              assertThat(r.parties().getFirst().lossAfter())
                  .as("no loss is told beside a promise")
                  .isNaN());
    }
  }

  /** A budget that lets exactly so many rounds pass. */
  private static LocalPrivacy budgetOf(int rounds, LocalPlan local) throws Exception {
    int examples = TinyFederation.data("ward-a").of(null).train().count();
    double rate = (double) local.batch() / examples;
    double epsilon =
        dev.outpost.transformer.privacy.RdpAccountant.USUAL
            .spent(rate, 1.0, (long) rounds * local.steps(), 1e-3)
            .epsilon();
    return new LocalPrivacy(1.0, 0.1f, epsilon + 1e-9, 1e-3);
  }

  private static Update update(Assignment a, AdapterValues values, long samples) {
    return new Update(a.client(), a.round(), samples, 1, values);
  }

  private static AdapterValues poisoned(AdapterValues values) {
    Map<String, Tensor> all = new LinkedHashMap<>(values.tensors());
    String first = values.names().iterator().next();
    float[] numbers = values.get(first).toArray();
    numbers[1] = Float.NaN;
    all.put(first, Tensor.of(values.get(first).shape(), numbers));
    return new AdapterValues(all);
  }

  private static Receipt hand(Federation f, String from, Assignment a, Update u) throws Exception {
    Path file = f.incoming().resolve("u");
    new UpdateFile(a.federation(), a.base(), u).write(file);
    return f.submit(from, file);
  }

  private static String refusal(Federation f, String from, Assignment a, Update u)
      throws Exception {
    Receipt r = hand(f, from, a, u);
    assertThat(r.verdict()).as(r.reason()).isEqualTo(Receipt.Verdict.REFUSED);
    return r.reason();
  }

  @Test
  void aLineTakenOutOfTheAuditLogShows() throws Exception {
    TinyFederation t = new TinyFederation(dir, TinyFederation.BOTTLENECK, TinyFederation.LOCAL);
    t.run("server");
    Path log = dir.resolve("server/audit.jsonl");
    List<String> lines = new ArrayList<>(Files.readAllLines(log));
    lines.remove(5);
    Files.write(log, lines);
    assertThatThrownBy(() -> t.open("server"))
        .isInstanceOf(FormatException.class)
        .hasMessageContaining("line 6")
        .hasMessageContaining("taken out");
    lines.subList(5, lines.size()).clear();
    Files.writeString(log, String.join("\n", lines) + "\n{\"at\":\"half a li");
    t.open("server").close();
    assertThat(AuditChain.verify(log).lines()).as("the half line is gone").isEqualTo(5);
  }

  /** FedBiOT: each round has packages of its own, aligned to the model with the adapter so far. */
  @Test
  void packagesAreAlignedAnewBeforeEachRound() throws Exception {
    TinyFederation t = new TinyFederation(dir, TinyFederation.LORA, TinyFederation.LOCAL);
    TransformerModel full = TinyModels.random(4, 1);
    Workshop shop =
        Workshop.of(TinyFederation.KERNELS, 1)
            .withText(Blocks.of(TinyModels.tokens(240, 23, 9), 12), null);
    Realign few = new Realign(1, 0.9f, 2, StepTraining.of(2, 1e-3));
    t.source = new Realignment(full, few, shop, dir.resolve("packages"));
    AdapterValues one = t.run("server");
    Set<String> digests = new HashSet<>();
    for (Path p : List.of(dir.resolve("half"), packages(2), packages(3)))
      try (OffsitePackage pack = OffsitePackage.open(p)) {
        digests.add(pack.sha256());
        assertThat(pack.base()).isEqualTo(BaseFingerprint.of(full));
      }
    assertThat(digests).hasSize(3);
    try (OffsitePackage three = OffsitePackage.open(packages(3))) {
      assertThat(three.recipe().integer("realigned_before_round")).isEqualTo(3);
    }
    // What a crash leaves half done is made again, to the same bits.
    Files.delete(packages(3).resolve("manifest.json"));
    t.source = new Realignment(full, few, shop, dir.resolve("packages"));
    same(t.run("again"), one);
  }

  private Path packages(int round) {
    return dir.resolve("packages/%06d/half".formatted(round));
  }

  @Test
  void aPlanIsReadAndWhatCannotWorkRefused() throws Exception {
    Path file = dir.resolve("federation.json");
    String text =
        """
        {"name": "wards", "emulators": {"half": "half"},
         "clients": {"a": {}, "b": {"rank": 2, "memory_mb": 512, "link_mbit": 2}, "c": {}, "server": {}},
         "tune": {"method": "lora", "rank": 4}, "local": {"steps": 5, "lr": 0.001},
         "rounds": 3, "gathering": {"participation": 0.75, "deadline_seconds": 60}}
        """;
    Files.writeString(file, text);
    FederationPlan plan = FederationPlan.read(file);
    assertThat(plan.gathering()).isEqualTo(new FederationPlan.Gathering(0.75, 2, 60));
    assertThat(plan.client("a").emulator()).as("the only one").isEqualTo("half");
    assertThat(plan.client("b").memoryBytes()).isEqualTo(512L << 20);
    assertThat(plan.methodOf("b"))
        .hasToString(plan.methodOf("a").toString().replace("rank=4", "rank=2"));
    for (String[] wrong :
        new String[][] {
          {"\"rounds\": 3", "\"round\": 3", "round", "is unknown"},
          {"\"a\": {}", "\"../a\": {}", "client name", "not beginning with"},
          {
            "\"a\": {}", "\"a\": {\"emulator\": \"x\"}", "client a has emulator", "known are [half]"
          },
          {"\"lr\": 0.001", "\"lr\": 0.001, \"scaffold\": true", "scaffold", "LoRA"},
          {
            "\"rounds\": 3",
            "\"rounds\": 3, \"secure\": {\"threshold\": 1}",
            "secure threshold",
            "3 clients asked"
          },
          {
            "\"rounds\": 3",
            "\"rounds\": 3, \"aggregation\": {\"rule\": \"krum\", \"faulty\": 1}",
            "krum needs 5 updates",
            "raise the quorum"
          },
          {
            "\"rounds\": 3",
            "\"rounds\": 3, \"aggregation\": {\"rule\": \"best\"}",
            "rule",
            "one of mean"
          },
          {"\"rounds\": 3", "\"rounds\": 3, \"dp\": {\"noise\": 1}", "clip", "is missing"},
        }) {
      Files.writeString(file, text.replace(wrong[0], wrong[1]));
      assertThatThrownBy(() -> FederationPlan.read(file))
          .isInstanceOf(FormatException.class)
          .hasMessageContaining("federation.json")
          .hasMessageContaining(wrong[2])
          .hasMessageContaining(wrong[3]);
    }
  }

  /** A party that was told of a file fetches it from a server that was started since. */
  @Test
  void whatAServerToldBeforeItDiedIsStillOffered() throws Exception {
    TinyFederation t = new TinyFederation(dir, TinyFederation.BOTTLENECK, TinyFederation.LOCAL);
    Assignment a;
    try (Federation f = t.open("server")) {
      a = ((Answer.Tune) f.next("ward-a", Duration.ZERO)).assignment();
    }
    try (Federation f = t.open("server")) {
      assertThat(Blob.of(f.object("ward-a", a.global().sha256()))).isEqualTo(a.global());
      Blob manifest = a.pack().get("manifest.json");
      assertThat(Blob.of(f.object("ward-a", manifest.sha256()))).isEqualTo(manifest);
    }
    t.run("server");
    Blob last;
    try (Federation f = t.open("server")) {
      last = ((Answer.Finished) f.next("ward-a", Duration.ZERO)).global();
    }
    try (Federation f = t.open("server")) {
      assertThat(Blob.of(f.object("ward-a", last.sha256()))).isEqualTo(last);
    }
  }

  /** The round ends while a party fetches what it starts from: it asks anew and goes on. */
  @Test
  void anAssignmentThatIsStaleIsAskedForAnew() throws Exception {
    TinyFederation t = new TinyFederation(dir, TinyFederation.BOTTLENECK, TinyFederation.LOCAL);
    try (Federation f = t.open("server")) {
      int[] refused = {0};
      Coordinator real = f.coordinator("ward-a");
      Coordinator flighty =
          new Coordinator() {
            @Override
            public Answer next(Duration patience) throws java.io.IOException, InterruptedException {
              return real.next(patience);
            }

            @Override
            public void fetch(Blob blob, Path file)
                throws java.io.IOException, InterruptedException {
              if (refused[0]++ < 1) throw new RefusedException("no file with this digest");
              real.fetch(blob, file);
            }

            @Override
            public Receipt submit(Path update) throws java.io.IOException, InterruptedException {
              return real.submit(update);
            }

            @Override
            public Receipt speak(SecureReply reply, @Nullable Path numbers)
                throws java.io.IOException, InterruptedException {
              return real.speak(reply, numbers);
            }

            @Override
            public void close() {}
          };
      try (Participant p =
          new Participant(
              flighty,
              dir.resolve("ward"),
              TinyFederation.data("ward-a"),
              TinyFederation.KERNELS,
              null,
              dying(5))) {
        assertThat(p.run().rounds()).isEqualTo(1);
      }
      assertThat(refused[0]).as("it fetched after it was refused").isGreaterThan(1);
    }
  }

  @Test
  void controlVariatesDoNotLeaveBesideAPromiseOfPrivacy() throws Exception {
    LocalPlan scaffold = new LocalPlan(3, 2, 1e-2f, 0, 0, true);
    TinyFederation t = new TinyFederation(dir, TinyFederation.BOTTLENECK, scaffold);
    try (Federation f = t.open("server");
        Participant p =
            t.participant(
                f, "server", "ward-a", budgetOf(9, scaffold), new Participant.Listener() {})) {
      assertThatThrownBy(p::run)
          .isInstanceOf(RefusedException.class)
          .hasMessageContaining("would leave without noise");
    }
  }

  /** The scale stands in front of numbers whose size was checked: a party has no say in it. */
  @Test
  void aScaleOfAPartysOwnIsRefused() throws Exception {
    TinyFederation t = new TinyFederation(dir, TinyFederation.LORA, TinyFederation.LOCAL);
    try (Federation f = t.open("server")) {
      Assignment a = ((Answer.Tune) f.next("ward-a", Duration.ZERO)).assignment();
      AdapterValues good = AdapterFile.read(f.object("ward-a", a.global().sha256()));
      for (float scale : new float[] {1e30f, -2, Float.NaN, 2.5f})
        assertThat(refusal(f, "ward-a", a, new Update("ward-a", 1, 1, scale, good)))
            .contains("has LoRA scale " + scale)
            .contains("this federation's is 2.0");
      assertThat(hand(f, "ward-a", a, new Update("ward-a", 1, 1, 2, good)).verdict())
          .isEqualTo(Receipt.Verdict.ACCEPTED);
    }
  }

  /** A ward whose masked numbers are nonsense spoils the sum; nothing of it becomes the adapter. */
  @ParameterizedTest
  @ValueSource(booleans = {false, true})
  void aSumThatCannotBeIsThrownAway(boolean boxes) throws Exception {
    TinyFederation t =
        new TinyFederation(dir, TinyFederation.BOTTLENECK, TinyFederation.LOCAL)
            .with(
                FederationPlan.Gathering.ALL,
                new AggregationRule.WeightedMean(),
                new ServerOptimizer.Take(),
                2,
                null);
    try (Federation f = t.open("server")) {
      AdapterValues before = f.state().values();
      List<Thread> threads = new ArrayList<>();
      for (String client : List.of("ward-a", "ward-b"))
        threads.add(
            Thread.ofPlatform()
                .start(() -> {
                  try (Participant p = t.participant(f, "server", client)) {
                    p.run();
                  } catch (Exception e) {
                    throw new AssertionError(client, e);
                  }
                }));
      threads.add(Thread.ofPlatform().start(() -> spoil(f, before.count() + 1, boxes)));
      for (Thread thread : threads) thread.join();
      assertThat(f.finished()).isTrue();
      same(f.state().values(), before);
      assertThat(f.history()).hasSize(3).allMatch(r -> r.updates() == 0);
    }
    assertThat(Files.readString(dir.resolve("server/audit.jsonl")))
        .contains("secure-sum-refused", boxes ? "could not be finished" : "the sum claims");
  }

  /** Keeps to the protocol of a secure sum, with numbers that no adapter encodes to. */
  private static void spoil(Federation f, long numbers, boolean boxes) {
    SecureSum.Party me = null;
    try {
      while (true) {
        Answer answer = f.next("ward-c", Duration.ofSeconds(1));
        if (answer instanceof Answer.Finished) return;
        if (!(answer instanceof Answer.Speak s)) continue;
        SecureRequest q = s.request();
        int round = s.assignment().round();
        byte[] body = new byte[0];
        Path file = null;
        switch (q.phase()) {
          case KEYS -> {
            me = new SecureSum.Party(q.party(), q.threshold(), new java.security.SecureRandom());
            body = SecureMessages.ofKeys(List.of(me.keys()));
          }
          case SHARES -> {
            List<SecureSum.Sealed> sealed = me.share(SecureMessages.keys(q.body()));
            if (boxes) sealed.forEach(b -> b.box()[5] ^= 1);
            body = SecureMessages.ofSealed(sealed);
          }
          case MASKED -> {
            me.receive(SecureMessages.sealed(q.body()));
            long[] huge = new long[Math.toIntExact(numbers)];
            java.util.Arrays.fill(huge, Long.MIN_VALUE / 3);
            file = f.incoming().resolve("spoilt");
            SecureMessages.writeMasked(file, round, q.attempt(), me.mask(huge));
          }
          case OPENED -> body = SecureMessages.ofOpened(me.open(SecureMessages.parties(q.body())));
        }
        f.speak("ward-c", new SecureReply(round, q.attempt(), q.phase(), body), file);
      }
    } catch (Exception e) {
      throw new AssertionError("ward-c", e);
    }
  }
}

package dev.outpost.bench.base;

import dev.outpost.offsite.artifact.AdapterArtifact;
import dev.outpost.offsite.artifact.BaseFingerprint;
import dev.outpost.offsite.artifact.OffsitePackage;
import dev.outpost.offsite.artifact.PlugIn;
import dev.outpost.offsite.federated.AdapterValues;
import dev.outpost.offsite.federated.AggregationRule;
import dev.outpost.offsite.federated.LocalPlan;
import dev.outpost.offsite.federated.LocalTuning;
import dev.outpost.offsite.federated.LoraProducts;
import dev.outpost.offsite.federated.Update;
import dev.outpost.tensor.Tensor;
import dev.outpost.tensor.io.JsonObject;
import dev.outpost.tensor.kernel.Kernels;
import dev.outpost.tensor.kernel.Team;
import dev.outpost.tensor.memory.Workspace;
import dev.outpost.tensor.random.RandomStream;
import dev.outpost.transformer.TransformerModel;
import dev.outpost.transformer.load.ModelFolder;
import dev.outpost.transformer.peft.LoraConfig;
import dev.outpost.transformer.run.Perplexity;
import dev.outpost.transformer.text.Tokenizer;
import dev.outpost.transformer.text.TokenizerFiles;
import dev.outpost.transformer.train.Blocks;
import dev.outpost.transformer.train.Progress;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.IntStream;
import java.util.stream.Stream;

/**
 * Federated LoRA of parties with different ranks and different texts: the mean of products against
 * the mean of factors padded with zeros, against each party alone, and against one tuning on all
 * texts together with as many steps of as many examples.
 *
 * <p>{@code FederatedLora MODEL PACKAGE TEXTS RANKS ROUNDS STEPS BATCH RATE SEEDS OUT.jsonl}:
 * TEXTS, RANKS and SEEDS are lists with commas; a text is a folder of files. Of each text the last
 * tenth of the rows of 128 tokens is held back, 48 of them measured, in the full model with the
 * adapter in place. One thread; one JSON line per way and seed is appended.
 */
public final class FederatedLora {
  private static final int BLOCK = 128;
  private static final int MEASURED = 48;
  private static final int MOST = 2000;
  private static final String A = ".lora_a.weight";

  private final TransformerModel full;
  private final BaseFingerprint base;
  private final OffsitePackage pack;
  private final Kernels kernels;
  private final List<Blocks> train = new ArrayList<>();
  private final List<Blocks> held = new ArrayList<>();
  private final int[] ranks;
  private final int rounds;
  private final LocalPlan local;

  private FederatedLora(
      TransformerModel full,
      OffsitePackage pack,
      Kernels kernels,
      List<Blocks> texts,
      int[] ranks,
      int rounds,
      LocalPlan local) {
    this.full = full;
    this.base = BaseFingerprint.of(full);
    this.pack = pack;
    this.kernels = kernels;
    this.ranks = ranks;
    this.rounds = rounds;
    this.local = local;
    for (Blocks t : texts) {
      int n = Math.min(t.count(), MOST);
      int cut = n * 9 / 10;
      train.add(t.slice(0, cut));
      int last = n - cut;
      int some = Math.min(MEASURED, last);
      held.add(t.rows(IntStream.range(0, some).map(i -> cut + i * last / some).toArray()));
    }
  }

  /** Of every rank the same alpha, as a plan's clients have it. */
  private LoraConfig lora(int rank) {
    return new LoraConfig(rank, 2f * most(), 0, LoraConfig.ALL_PROJECTIONS);
  }

  private int most() {
    return Arrays.stream(ranks).max().orElseThrow();
  }

  private AdapterValues start(long seed) throws IOException {
    return LocalTuning.start(pack, lora(most()), seed);
  }

  /** Rounds of all parties; {@code products} or factors. */
  private AdapterValues federated(long seed, boolean products) throws IOException {
    LoraProducts whole = new LoraProducts(kernels, most(), lora(most()).scale(), seed);
    AdapterValues global = start(seed);
    List<LocalTuning> parties = new ArrayList<>();
    for (int r : ranks) parties.add(new LocalTuning(pack, lora(r), kernels));
    for (int round = 1; round <= rounds; round++) {
      List<Update> updates = new ArrayList<>();
      for (int p = 0; p < ranks.length; p++) {
        LoraConfig own = lora(ranks[p]);
        AdapterValues from =
            products ? whole.forRank(global, own.rank(), own.scale()) : cut(global, own);
        long of = RandomStream.of(seed, round + "." + p).nextLong();
        AdapterValues tuned =
            parties
                .get(p)
                .tune(
                    new LocalTuning.Start(round, of, from, null, null),
                    local,
                    train.get(p),
                    null,
                    null,
                    null,
                    Progress.SILENT)
                .values();
        updates.add(new Update("p" + p, round, train.get(p).count(), own.scale(), tuned));
      }
      global = products ? whole.mean(updates) : factors(updates);
    }
    return global;
  }

  /** A party of smaller rank takes the first directions; its scale goes into B. */
  private AdapterValues cut(AdapterValues global, LoraConfig own) {
    return resized(global, own.rank(), lora(most()).scale() / own.scale());
  }

  /** The mean of A and of B, each padded with zeros to the largest rank. */
  private AdapterValues factors(List<Update> updates) {
    List<Update> padded = new ArrayList<>();
    for (Update u : updates)
      padded.add(
          new Update(
              u.client(),
              u.round(),
              u.samples(),
              1,
              resized(u.values(), most(), u.loraScale() / lora(most()).scale())));
    return new AggregationRule.WeightedMean().combine(padded);
  }

  private static AdapterValues resized(AdapterValues values, int rank, float factor) {
    Map<String, Tensor> all = new LinkedHashMap<>();
    values
        .tensors()
        .forEach((name, t) -> {
          boolean a = name.endsWith(A);
          int had = a ? t.rows() : t.cols();
          Tensor out = a ? Tensor.zeros(rank, t.cols()) : Tensor.zeros(t.rows(), rank);
          for (int i = 0; i < out.rows(); i++)
            for (int j = 0; j < out.cols(); j++)
              if ((a ? i : j) < had)
                out.data()[i * out.cols() + j] = t.get(i * t.cols() + j) * (a ? 1 : factor);
          all.put(name, out);
        });
    return new AdapterValues(all);
  }

  /** One tuning of so many steps. */
  private AdapterValues tuned(int rank, int steps, int batch, Blocks on, long seed)
      throws IOException {
    AdapterValues from =
        new LoraProducts(kernels, most(), lora(most()).scale(), seed)
            .forRank(start(seed), rank, lora(rank).scale());
    LocalPlan plan = LocalPlan.of(steps, batch, local.rate());
    return new LocalTuning(pack, lora(rank), kernels)
        .tune(
            new LocalTuning.Start(1, seed, from, null, null),
            plan,
            on,
            null,
            null,
            null,
            Progress.SILENT)
        .values();
  }

  private double[] perplexities(AdapterValues values, int rank) throws Exception {
    AdapterArtifact artifact =
        new AdapterArtifact(
            base, pack.adapterSlots(), lora(rank), values.weights(), JsonObject.create());
    TransformerModel plugged = PlugIn.apply(full, base, artifact);
    return held.stream()
        .mapToDouble(
            h -> Math.exp(Perplexity.of(plugged, kernels, new Workspace(), h, 8).meanLoss()))
        .toArray();
  }

  private static void write(Path out, String way, long seed, double[] perplexities, long from)
      throws IOException {
    double mean = Math.exp(Arrays.stream(perplexities).map(Math::log).average().orElseThrow());
    JsonObject line =
        JsonObject.create()
            .put("way", way)
            .put("seed", seed)
            .put("perplexity", mean)
            .put("each", Arrays.stream(perplexities).boxed().toList())
            .put("seconds", (System.nanoTime() - from) / 1e9);
    Files.writeString(
        out, line.toLine() + "\n", StandardOpenOption.CREATE, StandardOpenOption.APPEND);
    System.out.println(line.toLine());
  }

  private void run(long seed, Path out) throws Exception {
    long t = System.nanoTime();
    write(out, "untuned", seed, perplexities(start(seed), most()), t);
    t = System.nanoTime();
    write(out, "products", seed, perplexities(federated(seed, true), most()), t);
    t = System.nanoTime();
    write(out, "factors", seed, perplexities(federated(seed, false), most()), t);
    t = System.nanoTime();
    for (int p = 0; p < ranks.length; p++)
      write(
          out,
          "alone-" + p,
          seed,
          perplexities(
              tuned(ranks[p], rounds * local.steps(), local.batch(), train.get(p), seed), ranks[p]),
          t);
    t = System.nanoTime();
    write(
        out,
        "together",
        seed,
        perplexities(
            tuned(most(), rounds * local.steps(), ranks.length * local.batch(), joined(), seed),
            most()),
        t);
  }

  private Blocks joined() {
    int[] all =
        train.stream()
            .flatMapToInt(b -> Arrays.stream(b.ids(IntStream.range(0, b.count()).toArray())))
            .toArray();
    return Blocks.of(all, BLOCK);
  }

  private static Blocks text(Path folder, Tokenizer tokenizer) throws IOException {
    List<Path> files;
    try (Stream<Path> s = Files.walk(folder)) {
      files = s.filter(Files::isRegularFile).sorted().toList();
    }
    List<int[]> all = new ArrayList<>();
    for (Path p : files) all.add(tokenizer.encode(Files.readString(p), true));
    return Blocks.of(all.stream().flatMapToInt(Arrays::stream).toArray(), BLOCK);
  }

  /** Runs the study; see the class. */
  public static void main(String[] args) throws Exception {
    if (args.length != 10) {
      System.err.println(
          "FederatedLora MODEL PACKAGE TEXTS RANKS ROUNDS STEPS BATCH RATE SEEDS OUT.jsonl");
      System.exit(2);
    }
    int[] ranks = Arrays.stream(args[3].split(",", -1)).mapToInt(Integer::parseInt).toArray();
    try (Team one = Team.of(1);
        ModelFolder folder = ModelFolder.open(Path.of(args[0]));
        OffsitePackage pack = OffsitePackage.open(Path.of(args[1]))) {
      Tokenizer tokenizer = TokenizerFiles.load(Path.of(args[0]));
      List<Blocks> texts = new ArrayList<>();
      for (String t : args[2].split(",", -1)) texts.add(text(Path.of(t), tokenizer));
      FederatedLora study =
          new FederatedLora(
              folder.model(),
              pack,
              Kernels.best(one),
              texts,
              ranks,
              Integer.parseInt(args[4]),
              LocalPlan.of(
                  Integer.parseInt(args[5]), Integer.parseInt(args[6]), Float.parseFloat(args[7])));
      for (String seed : args[8].split(",", -1)) study.run(Long.parseLong(seed), Path.of(args[9]));
    }
  }
}

package dev.outpost.offsite.artifact;

import dev.outpost.offsite.emulator.Harmonizer;
import dev.outpost.offsite.emulator.LayerScores;
import dev.outpost.tensor.io.FormatException;
import dev.outpost.tensor.io.JsonObject;
import dev.outpost.tensor.io.SafetensorsFile;
import dev.outpost.tensor.io.SafetensorsWriter;
import dev.outpost.tensor.weight.HeapWeight;
import dev.outpost.tensor.weight.Weight;
import dev.outpost.transformer.TransformerModel;
import dev.outpost.transformer.module.Parameter;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeSet;

/**
 * What stage 1 of ScaleOT (Yao et al. 2024) leaves: how much each block of one base matters, and a
 * harmonizer for each. It stays with the owner. A folder of {@code harmonizers.safetensors} and
 * {@code ranking.json}.
 *
 * @param base fingerprint of the model it was learned on
 * @param group blocks per group; scores compare within a group
 * @param scores by block
 * @param harmonizers by block, frozen
 * @param settings of the run: steps, rates, seed, hashes of the text
 * @param history points of its curves
 */
public record LayerRanking(
    BaseFingerprint base,
    int group,
    List<Double> scores,
    List<Harmonizer> harmonizers,
    JsonObject settings,
    List<Point> history) {
  /** What {@code ranking.json} says in its field {@code format}. */
  public static final String FORMAT = "outpost-ranking";

  /** The file that is written last. */
  public static final String FILE = "ranking.json";

  private static final String WEIGHTS = "harmonizers.safetensors";

  public LayerRanking {
    scores = List.copyOf(scores);
    harmonizers = List.copyOf(harmonizers);
    history = List.copyOf(history);
    LayerScores.groups(scores.size(), group);
    if (harmonizers.size() != scores.size())
      throw new IllegalArgumentException(
          "ranking: " + scores.size() + " scores and " + harmonizers.size() + " harmonizers");
  }

  /**
   * One moment of the run.
   *
   * @param step steps taken
   * @param loss of the harmonizers' training, mean since the point before
   * @param trialLoss of the rewarded trials on validation text, mean since the point before
   * @param validationLoss over the whole validation text of the network that keeps the better half
   *     of each group; NaN where it was not measured
   * @param scores by block
   */
  public record Point(
      int step, double loss, double trialLoss, double validationLoss, List<Double> scores) {
    public Point {
      scores = List.copyOf(scores);
    }

    /** As {@link #read} reads it. */
    public JsonObject toJson() {
      JsonObject json =
          JsonObject.create().put("step", step).put("loss", loss).put("trial_loss", trialLoss);
      if (!Double.isNaN(validationLoss)) json.put("validation_loss", validationLoss);
      return json.put("scores", scores);
    }

    /** Reads one. */
    public static Point read(JsonObject json) throws FormatException {
      return new Point(
          json.integer("step", 1, Integer.MAX_VALUE),
          json.number("loss", Double.NaN),
          json.number("trial_loss", Double.NaN),
          json.number("validation_loss", Double.NaN),
          json.numbers("scores"));
    }
  }

  /** Writes the folder, {@code ranking.json} last. */
  public void write(Path folder) throws IOException {
    Map<String, Weight> tensors = new LinkedHashMap<>();
    for (int i = 0; i < harmonizers.size(); i++)
      harmonizers.get(i).visit("blocks." + i, (name, p) -> tensors.put(name, p.weight()));
    SafetensorsWriter.write(folder.resolve(WEIGHTS), tensors, null, Map.of("format", FORMAT));
    Manifest.create(FORMAT, base, folder.resolve(WEIGHTS))
        .put("group", group)
        .put("width", harmonizers.getFirst().down().in())
        .put("rank", harmonizers.getFirst().rank())
        .put("scores", scores)
        .put("settings", settings)
        .put("history", history.stream().map(Point::toJson).toList())
        .write(folder.resolve(FILE));
  }

  /**
   * Reads a folder and checks it: format, digest, names, shapes, numbers.
   *
   * @throws FormatException naming the file and the field at fault
   */
  public static LayerRanking read(Path folder) throws IOException {
    JsonObject json = Manifest.read(folder.resolve(FILE), FORMAT, folder.resolve(WEIGHTS));
    List<Double> scores = json.numbers("scores");
    if (scores.size() < 2)
      throw json.wrong("scores", "must be one per block, 2 at least, got " + scores.size());
    int width = json.integer("width", 1, 1 << 20);
    int rank = json.integer("rank", 1, 1 << 20);
    List<Point> history = new ArrayList<>();
    for (JsonObject point : json.objects("history")) {
      history.add(Point.read(point));
      if (history.getLast().scores.size() != scores.size())
        throw point.wrong("scores", "must be " + scores.size() + " numbers, one per block");
    }
    return new LayerRanking(
        Manifest.base(json),
        json.integer("group", 2, 1 << 20),
        scores,
        harmonizers(folder.resolve(WEIGHTS), scores.size(), width, rank),
        json.object("settings"),
        history);
  }

  private static List<Harmonizer> harmonizers(Path file, int blocks, int width, int rank)
      throws IOException {
    try (SafetensorsFile f = SafetensorsFile.open(file)) {
      Set<String> unused = new TreeSet<>(f.names());
      List<Harmonizer> all = new ArrayList<>();
      for (int i = 0; i < blocks; i++)
        all.add(
            Harmonizer.read(
                "blocks." + i,
                width,
                rank,
                (name, shape) -> {
                  Weight stored = f.weight(name);
                  if (!stored.shape().equals(shape))
                    throw new FormatException(
                        file
                            + ": "
                            + name
                            + " has shape "
                            + stored.shape()
                            + ", expected "
                            + shape);
                  unused.remove(name);
                  return Parameter.frozen(HeapWeight.of(stored.toTensor()));
                }));
      if (!unused.isEmpty())
        throw new FormatException(file + ": holds tensors that are no harmonizer's: " + unused);
      return all;
    }
  }

  /** Digest of the folder's {@code ranking.json}, which holds that of the harmonizers. */
  public static String sha256(Path folder) throws IOException {
    return Digest.of(folder.resolve(FILE));
  }

  /**
   * Refuses a model that it was not learned on.
   *
   * @throws IllegalArgumentException with both fingerprints
   */
  public void requireBase(TransformerModel full) {
    BaseFingerprint there = BaseFingerprint.of(full);
    if (!there.equals(base))
      throw new IllegalArgumentException(
          "ranking: was learned on base "
              + base.brief()
              + "… of "
              + scores.size()
              + " blocks, the model is "
              + there.brief()
              + "… of "
              + full.slots().size()
              + "; rank this model, or use the one that was ranked");
  }

  /** sigmoid(score) by block: above ½ for what was worth keeping. */
  public List<Double> importance() {
    return scores.stream().map(LayerScores::probability).toList();
  }
}

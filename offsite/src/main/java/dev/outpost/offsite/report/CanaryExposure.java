package dev.outpost.offsite.report;

import dev.outpost.autograd.Tape;
import dev.outpost.tensor.io.JsonObject;
import dev.outpost.tensor.kernel.Kernels;
import dev.outpost.tensor.memory.Workspace;
import dev.outpost.tensor.random.RandomStream;
import dev.outpost.transformer.TransformerModel;
import dev.outpost.transformer.module.Pass;
import dev.outpost.transformer.text.Tokenizer;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * Exposure of a planted secret (Carlini et al. 2019): how far up it stands among texts like it with
 * other digits, ordered by how likely the model finds them. {@code log₂ (candidates / rank)}: 0 to
 * 1 is chance, the largest is the log of the candidates.
 *
 * @param rank of the canary, 1 for the likeliest
 * @param candidates the canary and the random ones it was compared with
 */
public record CanaryExposure(int rank, int candidates) {
  private static final Pattern DIGITS = Pattern.compile("\\d+(?=\\D*$)");

  /**
   * Ranks a canary.
   *
   * @param canary a text whose last run of digits is the secret, such as {@code the code is 48213}
   * @param others how many random secrets of as many digits to compare with
   * @throws IllegalArgumentException when it holds no digits, or more tokens than the context
   */
  public static CanaryExposure of(
      TransformerModel model,
      Kernels kernels,
      Tokenizer tokenizer,
      String canary,
      int others,
      long seed) {
    Matcher secret = DIGITS.matcher(canary);
    if (!secret.find())
      throw new IllegalArgumentException(
          "canary: \"" + canary + "\" holds no digits; its last run of digits is the secret");
    RandomStream random = RandomStream.of(seed, "canary " + canary);
    double own = surprise(model, kernels, tokenizer, canary);
    int rank = 1;
    for (int i = 0; i < others; i++) {
      StringBuilder digits = new StringBuilder();
      for (int d = 0; d < secret.group().length(); d++) digits.append(random.nextInt(10));
      String other = canary.substring(0, secret.start()) + digits + canary.substring(secret.end());
      if (!other.equals(canary) && surprise(model, kernels, tokenizer, other) < own) rank++;
    }
    return new CanaryExposure(rank, others + 1);
  }

  /** Nats of the whole text after its first token. */
  private static double surprise(
      TransformerModel model, Kernels kernels, Tokenizer tokenizer, String text) {
    int[] ids = tokenizer.encode(text, true);
    if (ids.length < 2 || ids.length > model.spec().context())
      throw new IllegalArgumentException(
          "canary: has " + ids.length + " tokens, must be 2 to " + model.spec().context());
    int[] targets = new int[ids.length];
    System.arraycopy(ids, 1, targets, 0, ids.length - 1);
    targets[ids.length - 1] = -1;
    Workspace workspace = new Workspace();
    Pass pass = Pass.of(Tape.evaluating(kernels, workspace), 1, ids.length);
    double sum = 0;
    for (float loss : model.losses(pass, ids, targets)) sum += loss;
    return sum;
  }

  /** log₂ (candidates / rank). */
  public double bits() {
    return Math.log((double) candidates / rank) / Math.log(2);
  }

  /** Rank and exposure. */
  public JsonObject toJson() {
    return JsonObject.create()
        .put("rank", rank)
        .put("candidates", candidates)
        .put("exposure_bits", bits());
  }
}

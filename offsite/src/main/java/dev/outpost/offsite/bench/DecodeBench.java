package dev.outpost.offsite.bench;

import dev.outpost.tensor.kernel.Kernels;
import dev.outpost.tensor.kernel.Machine;
import dev.outpost.tensor.random.RandomStream;
import dev.outpost.tensor.weight.MappedWeight;
import dev.outpost.tensor.weight.Weight;
import dev.outpost.transformer.TransformerModel;
import dev.outpost.transformer.run.Generator;
import dev.outpost.transformer.run.Sampling;
import java.io.IOException;
import java.util.LinkedHashMap;
import java.util.Locale;
import java.util.Map;
import java.util.OptionalDouble;

/**
 * Generation of one sequence as {@link Generator} runs it, the choice of tokens included.
 *
 * @param prefill true measures how fast a prompt is read, until its first new token; false how fast
 *     single tokens follow after a prompt of one
 * @param weights what the name calls the weights
 * @param tokens of the prompt when reading, to generate otherwise
 */
public record DecodeBench(Subject subject, boolean prefill, String weights, int tokens)
    implements Bench {
  private static final Sampling GREEDY = new Sampling(0, 0, 1);

  @Override
  public Kind kind() {
    return Kind.DECODE;
  }

  @Override
  public String name() {
    return (prefill ? "prefill-" : "decode-") + weights;
  }

  @Override
  public Row measure(Kernels kernels, Machine machine, int rounds) throws IOException {
    try (Subject.Open open = subject.open(subject.slots(), name -> false)) {
      // What making a random model takes is not what using one takes.
      ProcessMemory.resetPeak();
      TransformerModel model = open.model();
      Generator generator = new Generator(model, kernels);
      int[] prompt = Noise.tokens(prefill ? tokens : 1, model.spec().vocabularySize(), 5);
      double[] rates = new double[rounds];
      double[] reads = new double[rounds];
      for (int r = -2; r < rounds; r++) {
        double read = prefill ? 0 : machine.readGigabytes(kernels.team());
        double rate = prefill ? read(generator, prompt) : follow(generator, prompt);
        if (r < 0) continue;
        rates[r] = rate;
        reads[r] = read;
      }
      return row(model, kernels, Spread.of(rates), Spread.of(reads).median());
    }
  }

  private Row row(TransformerModel model, Kernels kernels, Spread rate, double bandwidth) {
    long bytes = bytesPerToken(model);
    Map<String, Object> fields = new LinkedHashMap<>();
    fields.put("model", subject.name());
    fields.put("weights", model.headWeight().weight().dtype().name().toLowerCase(Locale.ROOT));
    fields.put("tokens_per_second", rate.median());
    fields.put("weight_bytes", bytes);
    OptionalDouble limit = OptionalDouble.empty();
    if (!prefill) {
      fields.put("gigabytes_per_second", rate.median() * bytes / 1e9);
      fields.put("bandwidth_gigabytes_per_second", bandwidth);
      fields.put("fraction_of_bandwidth", rate.median() * bytes / 1e9 / bandwidth);
      limit = OptionalDouble.of(bandwidth * 1e9 / bytes);
    }
    ProcessMemory.peakResidentBytes().ifPresent(b -> fields.put("peak_rss_bytes", b));
    return new Row(
        kind(),
        name(),
        prefill ? "1x" + tokens : "1+" + tokens,
        kernels.team().threads(),
        "tokens/s",
        rate,
        limit,
        fields);
  }

  private double read(Generator generator, int[] prompt) {
    // Another beginning each time: a generator computes nothing again that it has just read.
    prompt[0] = prompt[0] == 0 ? 1 : 0;
    long start = System.nanoTime();
    generator.generate(prompt, 1, GREEDY, RandomStream.of(1, "bench"), token -> false);
    return prompt.length * 1e9 / (System.nanoTime() - start);
  }

  /** From the first new token to the last, so that the prompt does not count. */
  private double follow(Generator generator, int[] prompt) {
    long[] first = new long[1];
    int made =
        generator.generate(
            prompt,
            tokens + 1,
            GREEDY,
            RandomStream.of(1, "bench"),
            token -> {
              if (first[0] == 0) first[0] = System.nanoTime();
              return true;
            });
    return (made - 1) * 1e9 / (System.nanoTime() - first[0]);
  }

  /** Every weight that one new token needs: all but the rows of the embeddings it does not pick. */
  private static long bytesPerToken(TransformerModel model) {
    long[] sum = {bytes(model.headWeight().weight())};
    model.visit((name, p) -> {
      if (!name.startsWith("embed.") && !name.startsWith("head.")) sum[0] += bytes(p.weight());
    });
    return sum[0];
  }

  private static long bytes(Weight w) {
    return w instanceof MappedWeight m ? m.segment().byteSize() : 4L * w.shape().size();
  }
}

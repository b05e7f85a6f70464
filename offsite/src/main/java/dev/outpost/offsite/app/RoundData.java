package dev.outpost.offsite.app;

import dev.outpost.offsite.federated.LocalData;
import dev.outpost.transformer.data.TrainingData;
import dev.outpost.transformer.text.Tokenizer;
import dev.outpost.transformer.train.Blocks;
import java.nio.file.Path;

/** A party's text as a federation's packages want it. */
final class RoundData {
  private RoundData() {}

  /**
   * Read anew for each package, since another package may have another tokenizer.
   *
   * @param share to hold back; 0 holds nothing back
   * @param all tune on what would be held back too, since nothing of it is told
   */
  static LocalData of(Console console, DataOptions data, double share, boolean all, Path state) {
    BadInput.unless(
        share >= 0 && share < 1, "--validation: must be at least 0 and below 1, got " + share);
    if (!data.given() && data.corpus.path == null)
      throw new BadInput("--corpus: is missing; give the text to tune on, or --data FILE");
    // A split without any held-back text is not offered by the readers; a thousandth is near it.
    double held = share == 0 || all ? 1e-3 : share;
    return pack -> {
      Tokenizer tokenizer = ModelOptions.tokenizer(pack.path(), pack.model());
      int context = pack.model().spec().context();
      TrainingData rows =
          data.given()
              ? data.rows(tokenizer, context, held, state.resolve("rows"))
              : data.corpus.read(console).split(held).rows(tokenizer, data.corpus.block(context));
      Blocks train = rows.train();
      console.note(
          "package "
              + pack.sha256().substring(0, 12)
              + ": "
              + train.count()
              + " blocks of "
              + train.length()
              + " tokens to tune on");
      return new LocalData.Split(train, share == 0 || all ? null : rows.validation());
    };
  }
}

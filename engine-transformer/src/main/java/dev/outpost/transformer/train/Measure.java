package dev.outpost.transformer.train;

import dev.outpost.autograd.Tape;
import dev.outpost.tensor.Tensor;
import dev.outpost.tensor.kernel.Kernels;
import dev.outpost.tensor.memory.Workspace;
import dev.outpost.transformer.TransformerModel;
import dev.outpost.transformer.run.Perplexity;
import java.util.Arrays;

/** What a validation measures: lower is better, and the best step's parameters are kept. */
@FunctionalInterface
public interface Measure {
  /** The model's number on all examples, {@code batch} at a time. */
  double of(
      TransformerModel model, Kernels kernels, Workspace workspace, Examples examples, int batch);

  /** Nats per predicted token. */
  static Measure perplexity() {
    return (model, kernels, workspace, examples, batch) ->
        Perplexity.of(model, kernels, workspace, examples, batch).meanLoss();
  }

  /** The mean of an objective over the examples' batches, each counting by its sequences. */
  static Measure of(Objective objective) {
    return (model, kernels, workspace, examples, batch) -> {
      double sum = 0;
      for (int from = 0; from < examples.count(); from += batch) {
        int first = from;
        int[] which = new int[Math.min(batch, examples.count() - from)];
        Arrays.setAll(which, i -> first + i);
        Batch read = examples.batch(which);
        try {
          Tape tape = Tape.evaluating(kernels, workspace);
          Tensor loss =
              objective.loss(model, read.pass(tape), read.input(), read.targets()).value();
          kernels.memory().fetch(loss);
          sum += (double) which.length * loss.get(0);
        } finally {
          workspace.releaseAll();
        }
      }
      return sum / examples.count();
    };
  }
}

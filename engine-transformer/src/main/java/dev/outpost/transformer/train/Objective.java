package dev.outpost.transformer.train;

import dev.outpost.autograd.Var;
import dev.outpost.transformer.Input;
import dev.outpost.transformer.TransformerModel;
import dev.outpost.transformer.module.Pass;

/** What training makes small. */
@FunctionalInterface
public interface Objective {
  /**
   * The loss of one batch, one element.
   *
   * @param targets the token to predict at each position, or the class of each sequence; −1 where
   *     there is none
   */
  Var loss(TransformerModel model, Pass pass, Input input, int[] targets);

  /** Mean cross-entropy of the targets: the next token, or the class. */
  static Objective languageModel() {
    return TransformerModel::loss;
  }
}

package dev.outpost.transformer.train;

import dev.outpost.autograd.Var;
import dev.outpost.transformer.TransformerModel;
import dev.outpost.transformer.module.Pass;

/** What training makes small. */
@FunctionalInterface
public interface Objective {
  /**
   * The loss of one batch, one element.
   *
   * @param ids batch·time tokens
   * @param targets the token to predict at each position, −1 where there is none
   */
  Var loss(TransformerModel model, Pass pass, int[] ids, int[] targets);

  /** Mean cross-entropy of the next token. */
  static Objective languageModel() {
    return TransformerModel::loss;
  }
}

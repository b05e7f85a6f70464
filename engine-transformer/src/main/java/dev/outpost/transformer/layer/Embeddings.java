package dev.outpost.transformer.layer;

import dev.outpost.autograd.Var;
import dev.outpost.transformer.Input;
import dev.outpost.transformer.module.Module;
import dev.outpost.transformer.module.Parameter;
import dev.outpost.transformer.module.Pass;

/** How what a model reads enters its first block. */
public sealed interface Embeddings extends Module<Embeddings>
    permits TokenEmbeddings, PatchEmbeddings {
  /** Input of batch sequences of time positions → [B·T, C], T the positions of {@link #inside}. */
  Var apply(Pass pass, Input input);

  /** Rows that stand before every sequence: a prompt's. */
  default int ahead() {
    return 0;
  }

  /**
   * The pass through the blocks: with the prompt's positions before every sequence, unless its
   * cache holds them already.
   */
  default Pass inside(Pass pass) {
    if (pass.cache() != null) pass.cache().standAhead(ahead());
    return pass.past() == 0 && ahead() > 0 ? pass.behind(ahead()) : pass;
  }

  /** The token table [V, E], which a tied head shares; fails in a model of images. */
  Parameter token();
}

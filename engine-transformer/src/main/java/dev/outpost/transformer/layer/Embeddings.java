package dev.outpost.transformer.layer;

import dev.outpost.autograd.Var;
import dev.outpost.transformer.Input;
import dev.outpost.transformer.module.Module;
import dev.outpost.transformer.module.Parameter;
import dev.outpost.transformer.module.Pass;

/** How what a model reads enters its first block. */
public sealed interface Embeddings extends Module<Embeddings>
    permits TokenEmbeddings, PatchEmbeddings {
  /** Input of batch sequences of time positions → [B·T, C]. */
  Var apply(Pass pass, Input input);

  /** The token table [V, E], which a tied head shares; fails in a model of images. */
  Parameter token();
}

package dev.outpost.transformer;

import dev.outpost.autograd.Var;
import dev.outpost.transformer.module.Module;
import dev.outpost.transformer.module.Pass;

/** One layer of the stack: h in, h out, both [B·T, C]. */
public interface Block extends Module<Block> {
  /** The block's output for its input. */
  Var forward(Pass pass, Var x);
}

package dev.outpost.transformer.run;

import dev.outpost.autograd.Tape;
import dev.outpost.autograd.Var;
import dev.outpost.tensor.kernel.Kernels;
import dev.outpost.tensor.memory.Workspace;
import dev.outpost.tensor.random.RandomStream;
import dev.outpost.transformer.TransformerModel;
import dev.outpost.transformer.module.KvCache;
import dev.outpost.transformer.module.Pass;
import java.util.function.IntPredicate;

/**
 * Continues a sequence of tokens, each position computed once. Holds a cache and a workspace, so
 * one conversation each; the model may be shared.
 *
 * <p>When the sequence reaches the model's context, generation stops: a model with learned
 * positions has none beyond.
 */
public final class Generator {
  private final TransformerModel model;
  private final Kernels kernels;
  private final Workspace workspace = new Workspace();
  private final KvCache cache;

  /** A generator with a cache for the model's whole context. */
  public Generator(TransformerModel model, Kernels kernels) {
    this.model = model;
    this.kernels = kernels;
    this.cache = KvCache.of(1, model.spec().context());
  }

  /**
   * Generates until {@code accept} returns false, {@code most} tokens are made, or the context is
   * full.
   *
   * @param prompt at least one token, at most the context
   * @param accept called with each new token; returns whether to go on
   * @return number of tokens generated, the one that ended it included
   */
  public int generate(
      int[] prompt, int most, Sampling sampling, RandomStream random, IntPredicate accept) {
    if (prompt.length == 0)
      throw new IllegalArgumentException("generate: the prompt must have at least one token");
    int context = model.spec().context();
    if (prompt.length > context)
      throw new IllegalArgumentException(
          "generate: the prompt has "
              + prompt.length
              + " tokens, the model's context is "
              + context
              + "; shorten the prompt");
    cache.truncate(0);
    int[] next = prompt;
    for (int made = 1; made <= most; made++) {
      int token = sampling.choose(scores(next), random);
      if (!accept.test(token) || cache.length() >= context) return made;
      next = new int[] {token};
    }
    return Math.max(0, most);
  }

  /** Scores of the token after {@code ids}, which follow what the cache holds. */
  private float[] scores(int[] ids) {
    try {
      Tape tape = Tape.evaluating(kernels, workspace);
      Pass pass = Pass.of(tape, 1, ids.length).with(cache);
      Var h = model.hidden(pass, ids);
      return model.logits(pass, h, ids.length - 1, ids.length).toArray();
    } finally {
      workspace.releaseAll();
    }
  }
}

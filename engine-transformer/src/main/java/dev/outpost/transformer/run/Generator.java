package dev.outpost.transformer.run;

import dev.outpost.autograd.Tape;
import dev.outpost.autograd.Var;
import dev.outpost.tensor.Tensor;
import dev.outpost.tensor.kernel.Kernels;
import dev.outpost.tensor.memory.Workspace;
import dev.outpost.tensor.random.RandomStream;
import dev.outpost.transformer.Input;
import dev.outpost.transformer.TransformerModel;
import dev.outpost.transformer.module.KvCache;
import dev.outpost.transformer.module.Pass;
import java.util.Arrays;
import java.util.function.BooleanSupplier;
import java.util.function.IntPredicate;

/**
 * Continues a sequence of tokens, each position computed once. Holds a cache and a workspace, so
 * one conversation each; the model may be shared.
 *
 * <p>When the sequence reaches the model's context, generation stops: a model with learned
 * positions has none beyond.
 */
public final class Generator {
  /** Rows that every kernel takes in place, without packing. */
  private static final int PIECE = 8;

  /**
   * Up to so many tokens a prompt goes in pieces: reading the weights once more costs less than the
   * packed product's compilation in a JVM that has just begun, and little in one that has not.
   */
  private static final int SHORT = 3 * PIECE;

  private final TransformerModel model;
  private final Kernels kernels;
  private final Workspace workspace;
  private final KvCache cache;

  /** The sequence whose first {@code cache.length()} tokens the cache holds. */
  private int[] held = {};

  /** A generator with a cache for the model's whole context. */
  public Generator(TransformerModel model, Kernels kernels) {
    this.model = model;
    this.kernels = kernels;
    this.workspace = kernels.memory().workspace();
    this.cache = KvCache.of(kernels, 1, model.spec().context());
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
    int[] sequence = prompt;
    for (int made = 1; made <= most; made++) {
      int token = sampling.choose(scores(sequence), random);
      if (!accept.test(token) || cache.length() >= model.spec().context()) return made;
      sequence = Arrays.copyOf(sequence, sequence.length + 1);
      sequence[sequence.length - 1] = token;
    }
    return Math.max(0, most);
  }

  /**
   * Scores of every token to come after a sequence [V]. Where it begins as the one before did,
   * nothing is computed again: a conversation that goes on costs what is new in it.
   *
   * @param sequence at least one token, at most the context
   */
  public float[] scores(int[] sequence) {
    if (sequence.length == 0)
      throw new IllegalArgumentException("generate: the prompt must have at least one token");
    int context = model.spec().context();
    if (sequence.length > context)
      throw new IllegalArgumentException(
          "generate: the prompt has "
              + sequence.length
              + " tokens, the model's context is "
              + context
              + "; shorten the prompt");
    int differs = Arrays.mismatch(held, 0, cache.length(), sequence, 0, sequence.length);
    // The last token is always computed: its hidden state is not kept.
    int same = Math.min(differs < 0 ? sequence.length : differs, sequence.length - 1);
    same = model.spec().kept(same, cache.length(), sequence.length);
    cache.truncate(same);
    held = sequence.clone();
    int[] rest = Arrays.copyOfRange(sequence, same, sequence.length);
    // A piece would turn as the short text that it ends.
    return last(model.spec().turnsAnew(same, sequence.length) ? rest : feed(rest));
  }

  /** Puts all of a short prompt but its last piece into the cache, and returns what is left. */
  private int[] feed(int[] prompt) {
    if (prompt.length > SHORT) return prompt;
    int from = 0;
    for (; prompt.length - from > PIECE; from += PIECE) {
      try {
        Pass pass = Pass.of(Tape.evaluating(kernels, workspace), 1, PIECE).with(cache);
        model.hidden(pass, Arrays.copyOfRange(prompt, from, from + PIECE));
      } finally {
        workspace.releaseAll();
      }
    }
    return Arrays.copyOfRange(prompt, from, prompt.length);
  }

  /**
   * Runs the model on made-up tokens, block by block, until {@code enough}: the JVM then compiles
   * what a short prompt needs while its caller still prepares it. Nothing of it stays.
   */
  public static void warmUp(TransformerModel model, Kernels kernels, BooleanSupplier enough) {
    int tokens = Math.min(PIECE, model.spec().context());
    Workspace workspace = kernels.memory().workspace();
    KvCache cache = KvCache.of(kernels, 1, tokens);
    while (!enough.getAsBoolean()) {
      try {
        Tape tape = Tape.evaluating(kernels, workspace);
        Pass pass = Pass.of(tape, 1, tokens).with(cache);
        Pass inside = model.inside(pass);
        Var h = model.embed(pass, Input.of(new int[tokens]));
        for (int i = 0; i < model.slots().size(); i++) {
          h = TransformerModel.stack(inside, model.slots().subList(i, i + 1), h);
          if (enough.getAsBoolean()) return;
          // After the first block: the head's product is one of its own, and the longest.
          if (i == 0) model.logits(pass, model.ending(inside, h), tokens - 1, tokens);
        }
      } finally {
        workspace.releaseAll();
      }
    }
  }

  /** Scores of the token after {@code ids}, which follow what the cache holds. */
  private float[] last(int[] ids) {
    try {
      Tape tape = Tape.evaluating(kernels, workspace);
      Pass pass = Pass.of(tape, 1, ids.length).with(cache);
      Var h = model.hidden(pass, ids);
      Tensor scores = model.logits(pass, h, ids.length - 1, ids.length);
      kernels.memory().fetch(scores);
      return scores.toArray();
    } finally {
      workspace.releaseAll();
    }
  }
}

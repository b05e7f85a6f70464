package dev.outpost.transformer.eval;

import dev.outpost.autograd.Tape;
import dev.outpost.autograd.Var;
import dev.outpost.tensor.Tensor;
import dev.outpost.tensor.kernel.Kernels;
import dev.outpost.tensor.memory.Workspace;
import dev.outpost.tensor.weight.HeapWeight;
import dev.outpost.transformer.TransformerModel;
import dev.outpost.transformer.data.TokenPair;
import dev.outpost.transformer.module.KvCache;
import dev.outpost.transformer.module.Pass;
import dev.outpost.transformer.text.Tokenizer;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.OptionalInt;

/**
 * Log-likelihoods of texts under a model, by lm-eval's rules of what is a token of what. Holds keys
 * and values of the last context, of which the next one computes only what differs; one thread at a
 * time.
 */
public final class Scorer {
  /** Floats of logits at a time. */
  private static final int LOGITS = 16 << 20;

  private final TransformerModel model;
  private final Kernels kernels;
  private final Tokenizer tokenizer;
  private final int prefix;
  private final int most;
  private final Workspace workspace;
  private final KvCache cache;
  private int[] cached = {};

  private Scorer(TransformerModel model, Kernels kernels, Tokenizer tokenizer, int prefix) {
    this.model = model;
    this.kernels = kernels;
    this.tokenizer = tokenizer;
    this.prefix = prefix;
    this.most = model.spec().context();
    this.workspace = kernels.memory().workspace();
    this.cache = KvCache.of(kernels, 1, most);
  }

  /**
   * A scorer of texts that begin as the tokenizer's files say: with a token for families such as
   * Llama and Gemma, with nothing for GPT-2. Before a text without context stands begin-of-text, or
   * else end-of-text.
   *
   * @throws IllegalArgumentException if the tokenizer names neither
   */
  public static Scorer of(TransformerModel model, Kernels kernels, Tokenizer tokenizer) {
    OptionalInt before = tokenizer.beginning();
    if (before.isEmpty())
      throw new IllegalArgumentException(
          "evaluate: the tokenizer names neither begin-of-text nor end-of-text, one of which stands"
              + " before a text without context; name bos_token or eos_token in"
              + " tokenizer_config.json");
    return new Scorer(model, kernels, tokenizer, before.getAsInt());
  }

  /** What the model reads, and from which of its positions on what it predicts counts. */
  private record Sequence(int[] input, int[] targets, int from) {
    static Sequence of(int[] context, int[] continuation, int most) {
      int[] all = Arrays.copyOf(context, context.length + continuation.length);
      System.arraycopy(continuation, 0, all, context.length, continuation.length);
      int[] last = Arrays.copyOfRange(all, Math.max(0, all.length - most - 1), all.length);
      int[] input = Arrays.copyOf(last, last.length - 1);
      int from = input.length - continuation.length;
      return new Sequence(input, Arrays.copyOfRange(last, from + 1, last.length), from);
    }
  }

  /**
   * How likely each continuation is after the context, which is computed once.
   *
   * @param context may be empty; when too long, its beginning is cut
   * @throws IllegalArgumentException if a continuation has no tokens or more than the model's
   *     context
   */
  public List<LogLikelihood> continuations(String context, List<String> continuations) {
    List<Sequence> sequences = new ArrayList<>();
    for (String c : continuations) sequences.add(sequence(context, c));
    int shared = shared(sequences);
    if (sequences.stream().anyMatch(s -> model.spec().turnsAnew(shared, s.input.length)))
      return sequences.stream().map(s -> scored(List.of(s), 0).getFirst()).toList();
    return scored(sequences, shared);
  }

  /** Scores sequences of which the first {@code shared} tokens are computed once. */
  private List<LogLikelihood> scored(List<Sequence> sequences, int shared) {
    read(Arrays.copyOf(sequences.getFirst().input, shared));
    int time = sequences.stream().mapToInt(s -> s.input.length - shared).max().orElseThrow();
    int n = sequences.size();
    int[] ids = new int[n * time];
    for (int i = 0; i < n; i++) {
      int[] in = sequences.get(i).input;
      System.arraycopy(in, shared, ids, i * time, in.length - shared);
    }
    KvCache each = cache.repeated(n);
    try {
      Tape tape = Tape.evaluating(kernels, workspace);
      Pass pass = Pass.of(tape, n, time).with(each);
      return scored(pass, model.hidden(pass, ids), sequences, shared, time);
    } finally {
      each.release();
      workspace.releaseAll();
    }
  }

  private Sequence sequence(String context, String continuation) {
    int[] before;
    int[] after;
    if (context.isEmpty()) {
      int[] ids = tokenizer.encode(continuation);
      boolean begins = ids.length > 0 && ids[0] == prefix;
      before = new int[] {prefix};
      after = begins ? Arrays.copyOfRange(ids, 1, ids.length) : ids;
    } else {
      TokenPair pair = TokenPair.of(tokenizer::begun, context, continuation);
      before = pair.context().length == 0 ? new int[] {prefix} : pair.context();
      after = pair.continuation();
    }
    if (after.length == 0 || after.length > most)
      throw new IllegalArgumentException(
          "evaluate: the continuation \""
              + continuation
              + "\" has "
              + after.length
              + " tokens after its context; it must have at least one and at most the model's context of "
              + most);
    return Sequence.of(before, after, most);
  }

  /** Positions that all sequences have in common and none of which is scored. */
  private static int shared(List<Sequence> sequences) {
    int[] first = sequences.getFirst().input;
    int n = sequences.getFirst().from;
    for (Sequence s : sequences) {
      n = Math.min(n, s.from);
      int differs = Arrays.mismatch(first, 0, n, s.input, 0, n);
      if (differs >= 0) n = differs;
    }
    return n;
  }

  /** Puts these tokens into the cache, keeping what it has of them. */
  private void read(int[] tokens) {
    int differs = Arrays.mismatch(cached, tokens);
    int keep = differs < 0 ? tokens.length : Math.min(differs, tokens.length);
    keep = model.spec().kept(keep, cached.length, tokens.length);
    cache.truncate(keep);
    cached = tokens;
    if (keep == tokens.length) return;
    try {
      Pass pass = Pass.of(Tape.evaluating(kernels, workspace), 1, tokens.length - keep);
      model.hidden(pass.with(cache), Arrays.copyOfRange(tokens, keep, tokens.length));
    } finally {
      workspace.releaseAll();
    }
  }

  private List<LogLikelihood> scored(
      Pass pass, Var hidden, List<Sequence> sequences, int shared, int time) {
    int n = sequences.stream().mapToInt(s -> s.targets.length).sum();
    int[] rows = new int[n];
    int[] targets = new int[n];
    int at = 0;
    for (int i = 0; i < sequences.size(); i++) {
      Sequence s = sequences.get(i);
      for (int t = 0; t < s.targets.length; t++) {
        rows[at] = i * time + s.from - shared + t;
        targets[at++] = s.targets[t];
      }
    }
    float[] losses = new float[n];
    boolean[] likeliest = new boolean[n];
    int step = Math.max(1, LOGITS / model.spec().vocabularySize());
    for (int from = 0; from < n; from += step) {
      int to = Math.min(n, from + step);
      score(pass, hidden, Arrays.copyOfRange(rows, from, to), targets, from, losses, likeliest);
    }
    List<LogLikelihood> out = new ArrayList<>();
    at = 0;
    for (Sequence s : sequences) {
      double sum = 0;
      boolean greedy = true;
      for (int t = 0; t < s.targets.length; t++, at++) {
        sum -= losses[at];
        greedy &= likeliest[at];
      }
      out.add(new LogLikelihood(sum, greedy, s.targets.length));
    }
    return out;
  }

  private void score(
      Pass pass,
      Var hidden,
      int[] rows,
      int[] targets,
      int from,
      float[] losses,
      boolean[] likeliest) {
    Tape tape = pass.tape();
    Tensor picked = tape.take(rows.length, hidden.shape().cols());
    kernels.gather(HeapWeight.of(hidden.value()), rows, picked, false);
    Tensor logits = model.logits(pass, tape.constant(picked), 0, rows.length);
    kernels.memory().fetch(logits);
    int v = logits.cols();
    for (int i = 0; i < rows.length; i++)
      likeliest[from + i] = argMax(logits.data(), logits.offset() + i * v, v) == targets[from + i];
    float[] some = new float[rows.length];
    kernels.crossEntropy(
        logits, Arrays.copyOfRange(targets, from, from + rows.length), 1, some, false);
    System.arraycopy(some, 0, losses, from, some.length);
    workspace.release(logits);
    workspace.release(picked);
  }

  private static int argMax(float[] x, int offset, int n) {
    int best = 0;
    for (int i = 1; i < n; i++) if (x[offset + i] > x[offset + best]) best = i;
    return best;
  }

  /**
   * The log-likelihood of a whole text of any length: its tokens are predicted once each, in
   * windows of the model's context that begin with the token before; the last window looks back as
   * far as it can.
   */
  public double text(String text) {
    int[] ids = tokenizer.begun(text);
    int[] all = new int[ids.length + 1];
    all[0] = prefix;
    System.arraycopy(ids, 0, all, 1, ids.length);
    double sum = 0;
    for (int done = 0; done < ids.length; done += most) {
      int end = Math.min(ids.length, done + most);
      int begin = Math.max(0, end - most);
      int[] input = Arrays.copyOfRange(all, begin, end);
      int[] targets = Arrays.copyOfRange(all, begin + 1, end + 1);
      Arrays.fill(targets, 0, done - begin, -1);
      try {
        Pass pass = Pass.of(Tape.evaluating(kernels, workspace), 1, input.length);
        for (float loss : model.losses(pass, input, targets)) sum -= loss;
      } finally {
        workspace.releaseAll();
      }
    }
    return sum;
  }
}

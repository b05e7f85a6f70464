package dev.outpost.transformer;

import dev.outpost.autograd.op.Linear;
import dev.outpost.tensor.kernel.RotaryPairing;
import dev.outpost.tensor.kernel.UnaryMap;
import dev.outpost.transformer.layer.Norm;
import java.util.List;
import java.util.Optional;

/**
 * The choices that make a transformer: what a family's {@code config.json} says, in our words.
 *
 * @param family {@code model_type} of the source format
 * @param vocabularySize V: rows of the token embedding
 * @param context longest sequence
 * @param width C
 * @param layers blocks of the full model
 * @param embedding what happens before the first block
 * @param attention heads and their projections
 * @param feedForward the other half of a block
 * @param norms which norms, and where
 * @param positions how the model knows the order of tokens
 * @param pattern what attention does in layers that differ, repeated to the model's depth; kept as
 *     short as it can be
 * @param head what happens behind the last block
 * @param layout how the source stores projection weights
 */
public record Spec(
    String family,
    int vocabularySize,
    int context,
    int width,
    int layers,
    Embedding embedding,
    Attention attention,
    FeedForward feedForward,
    Norms norms,
    Positions positions,
    List<Layer> pattern,
    Head head,
    Linear.Layout layout) {
  /** Why such a model continues no text, and what it is for; nothing for one that does. */
  public Optional<String> readsOnly() {
    if (embedding.image().isPresent())
      return Optional.of(
          "model_type "
              + family
              + " reads images and no text; a classifier is measured by evaluate --images DIR");
    return attention.causal()
        ? Optional.empty()
        : Optional.of(
            "model_type "
                + family
                + " is an encoder, which reads a text as a whole and continues none; in a program,"
                + " Outpost.load(path).embed(text) gives its vectors");
  }

  /**
   * @param width E: columns of the token table; a projection without bias makes C of them, and one
   *     back before the head, when they differ
   * @param scale factor on a token's row
   * @param norm whether the sum of a token's or patch's embeddings is normed
   * @param types rows of the token type table; 0 for none
   * @param image how images enter, in a model that reads those and no tokens
   */
  public record Embedding(int width, float scale, boolean norm, int types, Optional<Image> image) {
    /** Tokens without types. */
    public Embedding(int width, float scale, boolean norm) {
      this(width, scale, norm, 0, Optional.empty());
    }

    public Embedding {
      if (types < 0) throw new IllegalArgumentException("spec: a negative number of token types");
      if (width < 1 || !(scale > 0))
        throw new IllegalArgumentException("spec: embedding width and scale must be positive");
    }

    /** Rows of {@code width} columns as they are. */
    public static Embedding plain(int width) {
      return new Embedding(width, 1, false);
    }
  }

  /**
   * Square images of three channels, cut into square patches.
   *
   * @param size pixels of a side
   * @param patch pixels of a patch's side
   * @param bias whether the patches' projection has one
   * @param leadingAxes whether the source stores class token and positions as [1, 1, C] and [1, T,
   *     C] rather than [C] and [T, C]
   */
  public record Image(int size, int patch, boolean bias, boolean leadingAxes) {
    public Image {
      if (size < 1 || patch < 1 || patch > size)
        throw new IllegalArgumentException(
            "spec: patches of " + patch + " do not fit images of " + size);
    }

    /** Colours of a pixel. */
    public int channels() {
      return 3;
    }

    /** Positions of an image: its patches and the class token. */
    public int positions() {
      return (size / patch) * (size / patch) + 1;
    }
  }

  /**
   * @param heads query heads
   * @param kvHeads key and value heads; {@code heads} is a multiple
   * @param headDim D: numbers per head
   * @param inputs how the files store the projections to queries, keys and values
   * @param inputBias whether the query, key and value projections have biases
   * @param outputBias whether the output projection has one
   * @param headNorm whether each query and key head is normed before it is turned
   * @param scale factor on the scores, usually 1/√D
   * @param softCap scores become {@code cap·tanh(score / cap)}; 0 for none
   * @param causal whether a query sees only its own and earlier positions
   */
  public record Attention(
      int heads,
      int kvHeads,
      int headDim,
      Inputs inputs,
      boolean inputBias,
      boolean outputBias,
      boolean headNorm,
      float scale,
      float softCap,
      boolean causal) {
    public Attention {
      if (heads < 1 || kvHeads < 1 || headDim < 1)
        throw new IllegalArgumentException(
            "spec: heads, key-value heads and head size must be positive");
      if (heads % kvHeads != 0)
        throw new IllegalArgumentException(
            "spec: heads " + heads + " must be a multiple of key-value heads " + kvHeads);
      if (inputs == Inputs.INTERLEAVED && heads != kvHeads)
        throw new IllegalArgumentException(
            "spec: interleaved inputs need as many key-value heads as heads " + heads);
      if (inputs == Inputs.FUSED_WITHOUT_KEY_BIAS && !inputBias)
        throw new IllegalArgumentException("spec: inputs without key biases need the others");
      if (headNorm && inputs != Inputs.SEPARATE)
        throw new IllegalArgumentException("spec: head norms need separate inputs");
      if (!(scale > 0) || !(softCap >= 0))
        throw new IllegalArgumentException(
            "spec: attention's scale must be positive and its cap not negative");
    }

    /** Causal, without head norms or a cap, scores scaled by 1/√D. */
    public static Attention causal(
        int heads, int kvHeads, int headDim, Inputs inputs, boolean inputBias, boolean outputBias) {
      float scale = (float) (1 / Math.sqrt(headDim));
      return new Attention(
          heads, kvHeads, headDim, inputs, inputBias, outputBias, false, scale, 0, true);
    }

    /** The same with each query and key head normed. */
    public Attention withHeadNorm() {
      return new Attention(
          heads, kvHeads, headDim, inputs, inputBias, outputBias, true, scale, softCap, causal);
    }

    /** The same with the projections stored otherwise. */
    public Attention with(Inputs other) {
      return new Attention(
          heads, kvHeads, headDim, other, inputBias, outputBias, headNorm, scale, softCap, causal);
    }

    /** Columns of all queries, and of the output projection's input. */
    public int queryWidth() {
      return heads * headDim;
    }

    /** Columns of all keys, and of all values. */
    public int keyWidth() {
      return kvHeads * headDim;
    }
  }

  /** How queries, keys and values are projected. */
  public enum Inputs {
    /** Three projections. */
    SEPARATE,
    /** One; columns ordered query, key, value. */
    FUSED,
    /** The same, the biases of queries and of values on their own, and none of keys. */
    FUSED_WITHOUT_KEY_BIAS,
    /** One; columns ordered by head, and query, key, value in each. */
    INTERLEAVED
  }

  /**
   * @param width F
   * @param activation between the projections
   * @param gated whether the activation is of a second projection that multiplies the first
   * @param fused whether these two are one projection, the gate's columns first
   * @param bias whether the projections have biases
   */
  public record FeedForward(
      int width, UnaryMap activation, boolean gated, boolean fused, boolean bias) {
    public FeedForward {
      if (width < 1)
        throw new IllegalArgumentException("spec: the feed-forward width must be positive");
      if (fused && !gated)
        throw new IllegalArgumentException("spec: without a gate there is nothing to fuse");
    }
  }

  /**
   * @param kind which norm, everywhere
   * @param eps added to the variance or mean square
   * @param placement where a block has them
   * @param last whether one follows the last block
   */
  public record Norms(Norm.Kind kind, float eps, Placement placement, boolean last) {
    public Norms {
      if (!(eps > 0)) throw new IllegalArgumentException("spec: a norm's eps must be positive");
    }
  }

  /** Where the norms of a block stand, for each of its halves f. */
  public enum Placement {
    /** {@code x + f(norm(x))}. */
    BEFORE,
    /** {@code norm(x + f(x))}. */
    AFTER,
    /** {@code x + norm'(f(norm(x)))}. */
    AROUND
  }

  /** How a model knows the order of tokens. */
  public sealed interface Positions {
    /**
     * A table [context + offset, C] added to the token embedding.
     *
     * @param offset rows that the table keeps before that of the first position
     */
    record Learned(int offset) implements Positions {
      public Learned {
        if (offset < 0) throw new IllegalArgumentException("spec: a negative position offset");
      }
    }

    /**
     * Queries and keys turned by their position (Su et al. 2021).
     *
     * @param theta base of the frequencies
     * @param pairs of numbers turned in each head, at most D/2
     * @param scaling how frequencies are stretched to longer texts than the model was born with
     * @param pairing which numbers make a pair: the order of the query and key rows
     */
    record Rotary(double theta, int pairs, RotaryScaling scaling, RotaryPairing pairing)
        implements Positions {
      public Rotary {
        if (scaling instanceof RotaryScaling.LongRope l && l.near().size() != pairs)
          throw new IllegalArgumentException(
              "spec: " + l.near().size() + " rotary factors for " + pairs + " pairs");
      }

      /** Frequencies as they are, pairs of halves. */
      public Rotary(double theta, int pairs) {
        this(theta, pairs, new RotaryScaling.None());
      }

      /** Pairs of halves. */
      public Rotary(double theta, int pairs, RotaryScaling scaling) {
        this(theta, pairs, scaling, RotaryPairing.HALVES);
      }

      /** The same but for the pairs. */
      public Rotary with(RotaryPairing other) {
        return new Rotary(theta, pairs, scaling, other);
      }
    }

    /** Scores lowered in proportion to distance, each head at its own rate (Press et al. 2021). */
    record Alibi() implements Positions {}

    /** Not at all. */
    record None() implements Positions {}
  }

  /**
   * What attention does in a layer.
   *
   * @param window positions a query sees at most, its own included; 0 for all
   * @param positions instead of the model's
   */
  public record Layer(int window, Optional<Positions> positions) {
    /** Sees everything, the model's positions. */
    public static final Layer FULL = new Layer(0, Optional.empty());

    public Layer {
      if (window < 0) throw new IllegalArgumentException("spec: a negative window");
    }

    /** Sees {@code window} positions; 0 for all. */
    public static Layer of(int window) {
      return new Layer(window, Optional.empty());
    }
  }

  /**
   * @param kind what is made
   * @param pool of which positions, where it is one thing for a whole sequence
   * @param outputs classes or features; 0 for tokens, whose number is the vocabulary's, and for
   *     features that nothing projects
   * @param tied whether the output matrix is the token embedding
   * @param bias whether there is one
   * @param transform before the output matrix
   * @param softCap logits become {@code cap·tanh(logit / cap)}; 0 for none
   */
  public record Head(
      HeadKind kind,
      Pool pool,
      int outputs,
      boolean tied,
      boolean bias,
      Optional<Transform> transform,
      float softCap) {
    /** A language model's. */
    public Head(boolean tied, float softCap) {
      this(HeadKind.TOKENS, 0, tied, false, Optional.empty(), softCap);
    }

    /** One that reads the first position, or all where it scores tokens. */
    public Head(
        HeadKind kind,
        int outputs,
        boolean tied,
        boolean bias,
        Optional<Transform> transform,
        float softCap) {
      this(kind, Pool.FIRST, outputs, tied, bias, transform, softCap);
    }

    public Head {
      if (!(softCap >= 0)) throw new IllegalArgumentException("spec: a negative cap on logits");
      boolean fits =
          switch (kind) {
            case TOKENS -> outputs == 0;
            case CLASSES -> outputs >= 1 && !tied;
            case FEATURES -> outputs >= 0 && !tied;
          };
      if (!fits) throw new IllegalArgumentException("spec: a head of " + kind + " with " + outputs);
      if (kind == HeadKind.TOKENS && pool != Pool.FIRST)
        throw new IllegalArgumentException("spec: a head of tokens pools no positions");
    }
  }

  /** Which positions tell of a whole sequence. */
  public enum Pool {
    /** The first: a class token. */
    FIRST,
    /** The mean of all but the first, taken before the last norm. */
    MEAN_OF_OTHERS
  }

  /** What a head makes of the hidden states. */
  public enum HeadKind {
    /** A score of every token at every position. */
    TOKENS,
    /** A score of every class from the pooled position. */
    CLASSES,
    /** Numbers that describe the whole, from the pooled position. */
    FEATURES
  }

  /**
   * {@code norm(f(W·h + b))} before a head's matrix.
   *
   * @param activation f
   * @param norm whether there is one
   */
  public record Transform(UnaryMap activation, boolean norm) {}

  public Spec {
    int fewest = embedding.image().isPresent() ? 0 : 1;
    if (vocabularySize < fewest || context < 1 || width < 1 || layers < 1)
      throw new IllegalArgumentException(
          "spec: vocabulary, context, width and layers must be positive");
    if (embedding.image().isPresent()
        && (head.kind() == HeadKind.TOKENS || context != embedding.image().get().positions()))
      throw new IllegalArgumentException("spec: images have no tokens and one length");
    if (pattern.isEmpty()) throw new IllegalArgumentException("spec: an empty pattern of layers");
    pattern = shortest(pattern, layers);
    for (Layer l : pattern)
      if (l.positions().orElse(positions) instanceof Positions.Rotary r
          && 2L * r.pairs() > attention.headDim())
        throw new IllegalArgumentException(
            "spec: " + r.pairs() + " rotary pairs do not fit a head of " + attention.headDim());
  }

  /** The shortest pattern that gives the same {@code layers}. */
  private static List<Layer> shortest(List<Layer> pattern, int layers) {
    for (int n = 1; n < Math.min(pattern.size(), layers); n++) {
      boolean same = true;
      for (int i = n; same && i < layers; i++)
        same = pattern.get(i % pattern.size()).equals(pattern.get(i % n));
      if (same) return List.copyOf(pattern.subList(0, n));
    }
    return List.copyOf(pattern.subList(0, Math.min(pattern.size(), layers)));
  }

  /** Scores or features per row: the rows of the output matrix, or where there is none, C. */
  public int outputs() {
    return switch (head.kind()) {
      case TOKENS -> vocabularySize;
      case CLASSES -> head.outputs();
      case FEATURES -> head.outputs() > 0 ? head.outputs() : width;
    };
  }

  /** What attention does in layer {@code index} of the full model. */
  public Layer layer(int index) {
    return pattern.get(index % pattern.size());
  }

  /** How layer {@code index} knows the order of tokens. */
  public Positions positions(int index) {
    return layer(index).positions().orElse(positions);
  }

  /**
   * Whether what was computed of a text's first {@code before} tokens changes when it has {@code
   * after}, so that no key may be kept.
   */
  public boolean turnsAnew(int before, int after) {
    return pattern.stream()
        .anyMatch(l ->
            l.positions().orElse(positions) instanceof Positions.Rotary r
                && r.scaling().turnsAnew(before, after));
  }

  /**
   * Of how many of a text's first {@code same} tokens the kept keys hold still: all or none.
   *
   * @param held tokens of the text they were computed in
   * @param after tokens of the text to be computed
   */
  public int kept(int same, int held, int after) {
    return turnsAnew(held, after) || turnsAnew(same, after) ? 0 : same;
  }

  /** The same choices but for the longest sequence. */
  public Spec withContext(int positions) {
    return new Spec(
        family,
        vocabularySize,
        positions,
        width,
        layers,
        embedding,
        attention,
        feedForward,
        norms,
        this.positions,
        pattern,
        head,
        layout);
  }

  /** The same choices but for how positions are known. */
  public Spec with(Positions other) {
    return with(other, pattern);
  }

  /** The same choices but for which numbers turn together, in every layer that turns any. */
  public Spec with(RotaryPairing pairing) {
    return with(
        paired(positions, pairing),
        pattern.stream()
            .map(l -> new Layer(l.window(), l.positions().map(p -> paired(p, pairing))))
            .toList());
  }

  /** The same choices but for how projections are stored. */
  public Spec with(Linear.Layout other) {
    return new Spec(
        family,
        vocabularySize,
        context,
        width,
        layers,
        embedding,
        attention,
        feedForward,
        norms,
        positions,
        pattern,
        head,
        other);
  }

  /** The same choices but for how queries, keys and values are projected. */
  public Spec with(Inputs other) {
    return new Spec(
        family,
        vocabularySize,
        context,
        width,
        layers,
        embedding,
        attention.with(other),
        feedForward,
        norms,
        positions,
        pattern,
        head,
        layout);
  }

  /** The same choices but for a feed-forward part whose gate is a projection of its own. */
  public Spec withSeparateGate() {
    FeedForward f = feedForward;
    return new Spec(
        family,
        vocabularySize,
        context,
        width,
        layers,
        embedding,
        attention,
        new FeedForward(f.width(), f.activation(), f.gated(), false, f.bias()),
        norms,
        positions,
        pattern,
        head,
        layout);
  }

  /** The same choices with a feed-forward part of another inner width. */
  public Spec ofInnerWidth(int inner) {
    return new Spec(
        family,
        vocabularySize,
        context,
        width,
        layers,
        embedding,
        attention,
        new FeedForward(
            inner,
            feedForward.activation(),
            feedForward.gated(),
            feedForward.fused(),
            feedForward.bias()),
        norms,
        positions,
        pattern,
        head,
        layout);
  }

  private static Positions paired(Positions positions, RotaryPairing pairing) {
    return positions instanceof Positions.Rotary r ? r.with(pairing) : positions;
  }

  private Spec with(Positions other, List<Layer> layers) {
    return new Spec(
        family,
        vocabularySize,
        context,
        width,
        this.layers,
        embedding,
        attention,
        feedForward,
        norms,
        other,
        layers,
        head,
        layout);
  }

  /** Parameters of one block. */
  public long blockParameters() {
    long c = width;
    long q = attention.queryWidth();
    long kv = 2L * attention.keyWidth();
    long f = feedForward.width();
    long wide = feedForward.gated() ? 2 * f : f;
    int blockNorms = norms.placement() == Placement.AROUND ? 4 : 2;
    return blockNorms * normParameters(c)
        + (attention.headNorm() ? 2 * normParameters(attention.headDim()) : 0)
        + c * (q + kv)
        + inputBiases(q, kv)
        + q * c
        + (attention.outputBias() ? c : 0)
        + c * wide
        + f * c
        + (feedForward.bias() ? wide + c : 0);
  }

  private long inputBiases(long q, long kv) {
    if (!attention.inputBias()) return 0;
    return attention.inputs() == Inputs.FUSED_WITHOUT_KEY_BIAS ? q + kv / 2 : q + kv;
  }

  private long normParameters(long columns) {
    return switch (norms.kind()) {
      case LAYER -> 2 * columns;
      case RMS, RMS_FROM_ONE -> columns;
    };
  }

  /** Parameters of the full model, a tied head counted once. */
  public long parameters() {
    long c = width;
    long e = embedding.width();
    long places =
        switch (positions) {
          case Positions.Learned l -> (context + (long) l.offset()) * c;
          case Positions.Rotary r -> 0;
          case Positions.Alibi a -> 0;
          case Positions.None n -> 0;
        };
    long inputs =
        embedding
            .image()
            .map(i -> c * (i.channels() * (long) i.patch() * i.patch() + (i.bias() ? 2 : 1)))
            .orElse(vocabularySize * e + embedding.types() * c);
    long outputs = head.kind() == HeadKind.TOKENS ? vocabularySize : head.outputs();
    long transform =
        head.transform().map(t -> e * e + e + (t.norm() ? normParameters(e) : 0)).orElse(0L);
    return inputs
        + (head.tied() ? 0 : outputs * e)
        + (head.bias() ? outputs : 0)
        + transform
        + (e == c ? 0 : 2 * e * c)
        + (embedding.norm() ? normParameters(c) : 0)
        + places
        + layers * blockParameters()
        + (norms.last() ? normParameters(c) : 0);
  }
}

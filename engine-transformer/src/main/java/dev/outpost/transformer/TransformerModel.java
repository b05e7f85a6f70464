package dev.outpost.transformer;

import dev.outpost.autograd.Recompute;
import dev.outpost.autograd.Tape;
import dev.outpost.autograd.Var;
import dev.outpost.autograd.op.CrossEntropy;
import dev.outpost.autograd.op.Rows;
import dev.outpost.autograd.op.SoftCap;
import dev.outpost.tensor.Tensor;
import dev.outpost.tensor.kernel.Kernels;
import dev.outpost.tensor.kernel.MatView;
import dev.outpost.tensor.weight.Weight;
import dev.outpost.transformer.layer.Embeddings;
import dev.outpost.transformer.layer.Head;
import dev.outpost.transformer.layer.Norm;
import dev.outpost.transformer.module.Parameter;
import dev.outpost.transformer.module.ParameterVisitor;
import dev.outpost.transformer.module.Pass;
import dev.outpost.transformer.module.Projection;
import dev.outpost.transformer.module.Rewriter;
import java.util.Collections;
import java.util.IdentityHashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.function.Predicate;
import org.jspecify.annotations.Nullable;

/**
 * A transformer of one stack, decoder or encoder, of text or of images: embeddings, a list of named
 * blocks, a final norm and a head. An emulator is one too, with fewer slots. Immutable but for the
 * numbers of trainable parameters; safe to share between threads that only read.
 *
 * @param spec the choices of the full model; {@code slots} may be fewer than {@code spec.layers()}
 * @param norm behind the last block, or null
 * @param narrow C → E before the head, or null where the token embedding has C columns
 * @param head what is made of the hidden states
 */
public record TransformerModel(
    Spec spec,
    Embeddings embeddings,
    List<Slot> slots,
    @Nullable Norm norm,
    @Nullable Projection narrow,
    Head head) {
  public TransformerModel {
    slots = List.copyOf(slots);
    long names = slots.stream().map(Slot::name).distinct().count();
    if (names != slots.size())
      throw new IllegalArgumentException(
          "model: slot names must be distinct, got " + slots.stream().map(Slot::name).toList());
  }

  /** The output matrix [outputs, E]; fails where nothing projects the features. */
  public Parameter headWeight() {
    if (head.weight() != null) return head.weight();
    if (spec.head().tied()) return embeddings.token();
    throw new IllegalStateException(
        "model: features without a projection have no loss; give the model a head of classes");
  }

  /** Embeddings of the input, behind the prompt if there is one: [B·T, C], T of {@link #inside}. */
  public Var embed(Pass pass, Input input) {
    return embeddings.apply(pass, input);
  }

  /** The pass through the blocks: longer than the sequences where a prompt stands before them. */
  public Pass inside(Pass pass) {
    return embeddings.inside(pass);
  }

  /** Runs h [B·T, C] through {@code part} of the slots. */
  public static Var stack(Pass pass, List<Slot> part, Var h) {
    boolean recompute = pass.recompute() && pass.tape().isRecording();
    Var x = h;
    for (Slot s : part) {
      Pass here = pass.in(s.name());
      Var in = x;
      x =
          recompute
              ? Recompute.recompute(
                  pass.tape(),
                  in,
                  hasTrainable(s),
                  (tape, v) -> s.block().forward(here.on(tape), v))
              : s.block().forward(here, in);
      if (!pass.tape().isRecording() && in != h) pass.tape().release(in);
    }
    return x;
  }

  private static boolean hasTrainable(Slot s) {
    boolean[] any = new boolean[1];
    s.block().visit(s.name(), (path, p) -> any[0] |= p.trainable());
    return any[0];
  }

  /** Hidden states of ids. */
  public Var hidden(Pass pass, int[] ids) {
    return hidden(pass, Input.of(ids));
  }

  /** What the head reads of the input: {@link #ending} of the whole stack. */
  public Var hidden(Pass pass, Input input) {
    Pass inside = inside(pass);
    Var h = stack(inside, slots, embed(pass, input));
    if (inside.time() != pass.time()) h = Rows.rows(pass.tape(), h, own(pass, inside.time()));
    h = ending(pass, h);
    if (pass.cache() != null) pass.cache().advance(inside.time());
    return h;
  }

  /** The last rows of each sequence of {@code time}, which are the input's. */
  private static int[] own(Pass pass, int time) {
    int[] rows = new int[pass.batch() * pass.time()];
    for (int i = 0; i < rows.length; i++)
      rows[i] = (i / pass.time() + 1) * time - pass.time() + i % pass.time();
    return rows;
  }

  /** What the head reads of the last block's output h [N, C]: [N, E], of means [B, E]. */
  public Var ending(Pass pass, Var h) {
    Var pooled = head.pooled(pass, h);
    Var x = norm == null ? pooled : norm.apply(pass, pooled);
    return narrow == null ? x : narrow.apply(pass, "head.narrow", x);
  }

  /** Mean cross-entropy in nats of the next token over the targets ≥ 0; one element. */
  public Var loss(Pass pass, int[] ids, int[] targets) {
    return loss(pass, Input.of(ids), targets);
  }

  /**
   * Mean cross-entropy in nats over the targets ≥ 0, one per position or, of classes, one per
   * sequence; one element.
   */
  public Var loss(Pass pass, Input input, int[] targets) {
    return lossOf(pass, hidden(pass, input), targets);
  }

  /** The same from {@link #hidden} states [N, E]. */
  public Var lossOf(Pass pass, Var hidden, int[] targets) {
    return CrossEntropy.linearCrossEntropy(
        pass.tape(),
        head.reads(pass, hidden),
        pass.of(headWeight()),
        head.bias() == null ? null : pass.of(head.bias()),
        spec.head().softCap(),
        targets);
  }

  /**
   * Cross-entropy in nats of each target; 0 where the target is negative. The tape must be an
   * evaluating one.
   */
  public float[] losses(Pass pass, int[] ids, int[] targets) {
    return losses(pass, Input.of(ids), targets);
  }

  /** The same of any input. */
  public float[] losses(Pass pass, Input input, int[] targets) {
    Tape tape = pass.tape();
    return CrossEntropy.losses(
        tape.kernels(),
        tape.workspace(),
        head.reads(pass, hidden(pass, input)).value(),
        pass.of(headWeight()).view(),
        shift(pass),
        spec.head().softCap(),
        targets);
  }

  private @Nullable Tensor shift(Pass pass) {
    return head.bias() == null ? null : pass.of(head.bias()).value();
  }

  /**
   * What the head makes of the hidden states, on loan from the tape: a score of every token at each
   * position [B·T, V], or of every class [B, classes], or features [B, …].
   */
  public Tensor logits(Pass pass, Var hidden) {
    return scores(pass, head.reads(pass, hidden).value());
  }

  /** The same for rows {@code [from, to)} of the hidden states of a head of tokens. */
  public Tensor logits(Pass pass, Var hidden, int from, int to) {
    Tensor rows = hidden.value().slice(from, to);
    return scores(pass, head.reads(pass, pass.tape().constant(rows)).value());
  }

  private Tensor scores(Pass pass, Tensor rows) {
    if (head.weight() == null && !spec.head().tied()) return rows;
    Kernels k = pass.tape().kernels();
    Tensor out = pass.tape().take(rows.rows(), spec.outputs());
    k.gemm(MatView.of(rows), pass.of(headWeight()).view().t(), MatView.of(out), false);
    Tensor shift = shift(pass);
    if (shift != null) k.addBias(out, shift, out);
    SoftCap.inPlace(k, out, spec.head().softCap());
    return out;
  }

  /** Shows every parameter: embeddings, blocks in order, final norm, head without what is tied. */
  public void visit(ParameterVisitor visitor) {
    embeddings.visit("embed", visitor);
    for (Slot s : slots) s.block().visit(s.name(), visitor);
    if (norm != null) norm.visit("norm", visitor);
    if (narrow != null) narrow.visit("head.narrow", visitor);
    head.visit(visitor);
  }

  /** All parameters by name, in {@link #visit} order. */
  public Map<String, Parameter> parameters() {
    Map<String, Parameter> all = new LinkedHashMap<>();
    visit((path, p) -> {
      if (all.put(path, p) != null)
        throw new IllegalStateException("model: two parameters are named " + path);
    });
    return all;
  }

  /** A new model with parts replaced; what the rewriter leaves alone is shared. */
  public TransformerModel rewrite(Rewriter r) {
    return new TransformerModel(
        spec,
        embeddings.rewrite("embed", r),
        slots.stream().map(s -> s.with(s.block().rewrite(s.name(), r))).toList(),
        norm == null ? null : norm.rewrite("norm", r),
        narrow == null ? null : narrow.rewrite("head.narrow", r),
        head.rewrite("", r));
  }

  /** The same model with other blocks. */
  public TransformerModel withSlots(List<Slot> other) {
    return new TransformerModel(spec, embeddings, other, norm, narrow, head);
  }

  /**
   * The same model with other embeddings; what stands before every sequence takes its positions
   * from the context.
   */
  public TransformerModel withEmbeddings(Embeddings other) {
    int room = spec.context() + embeddings.ahead() - other.ahead();
    return new TransformerModel(spec.withContext(room), other, slots, norm, narrow, head);
  }

  /** The same model with another head, of the kind that its spec says. */
  public TransformerModel withHead(Head other) {
    return new TransformerModel(spec, embeddings, slots, norm, narrow, other);
  }

  /**
   * Exactly the parameters whose name passes are trainable, as private f32 copies; all others are
   * frozen and shared.
   */
  public TransformerModel trainable(Predicate<String> names) {
    return rewrite(
        new Rewriter() {
          @Override
          public Parameter parameter(String path, Parameter p) {
            return names.test(path) ? p.trainableCopy() : p.freeze();
          }
        });
  }

  /** The same numbers with nothing trainable. */
  public TransformerModel frozen() {
    return rewrite(
        new Rewriter() {
          @Override
          public Parameter parameter(String path, Parameter p) {
            return p.freeze();
          }
        });
  }

  /**
   * Number of values in all parameters, or only the trainable ones. Numbers that several slots
   * share, as an emulator's repeated blocks do, count once.
   */
  public long count(boolean trainableOnly) {
    Set<Weight> counted = Collections.newSetFromMap(new IdentityHashMap<>());
    long[] count = new long[1];
    visit((path, p) -> {
      if ((p.trainable() || !trainableOnly) && counted.add(p.weight()))
        count[0] += p.shape().size();
    });
    return count[0];
  }
}

package dev.outpost.transformer.layer;

import dev.outpost.autograd.Tape;
import dev.outpost.autograd.Var;
import dev.outpost.autograd.op.Add;
import dev.outpost.autograd.op.Embedding;
import dev.outpost.autograd.op.Join;
import dev.outpost.autograd.op.Scale;
import dev.outpost.tensor.ShapeException;
import dev.outpost.transformer.Input;
import dev.outpost.transformer.module.Parameter;
import dev.outpost.transformer.module.ParameterVisitor;
import dev.outpost.transformer.module.Pass;
import dev.outpost.transformer.module.Projection;
import dev.outpost.transformer.module.Rewriter;
import org.jspecify.annotations.Nullable;

/**
 * What a token enters the first block as: its row, scaled and projected, with the rows of its type
 * and its position, normed; each only where the family has it.
 *
 * @param token [V, E]
 * @param prompt [P, C], rows that stand before those of every sequence's tokens (Lester et al.
 *     2021), or null; they take the first P positions
 * @param scale factor on a token's row
 * @param widen E → C, or null when they are equal
 * @param type [types, C], or null where tokens have no types
 * @param position [context + offset, C], or null where positions enter elsewhere
 * @param offset row of the first position
 * @param norm of the sum, or null
 * @param context longest sequence
 */
public record TokenEmbeddings(
    Parameter token,
    @Nullable Parameter prompt,
    float scale,
    @Nullable Projection widen,
    @Nullable Parameter type,
    @Nullable Parameter position,
    int offset,
    @Nullable Norm norm,
    int context)
    implements Embeddings {
  /** Fails when the sequence is longer than the model's context. */
  @Override
  public Var apply(Pass pass, Input input) {
    if (!(input instanceof Input.Tokens(int[] ids, int @Nullable [] types)))
      throw new IllegalArgumentException("embeddings: a model of text reads tokens, not images");
    requireOfEach(pass, "ids", ids.length);
    Pass inside = inside(pass);
    int end = inside.past() + inside.time();
    if (end > context)
      throw new ShapeException(
          "embeddings",
          "a sequence may have at most "
              + (context - ahead())
              + " tokens, the model's context; shorten or split the text",
          (end - ahead()) + " tokens");
    Tape tape = pass.tape();
    Var x = rows(pass, ids);
    if (prompt != null && inside.time() != pass.time())
      x = Join.join(tape, everySequence(pass, prompt), x, pass.batch());
    if (type != null) x = Add.add(tape, x, kinds(inside, type, behind(inside, pass, types)));
    else if (types != null)
      throw new IllegalArgumentException("embeddings: this model knows no token types");
    if (position != null) x = Add.add(tape, x, places(inside, position));
    return norm == null ? x : norm.apply(pass, x);
  }

  /** Tokens as they stand beside each other, before types and positions: [n, C]. */
  public Var rows(Pass pass, int[] ids) {
    Var x = Embedding.embedding(pass.tape(), pass.of(token), ids);
    if (scale != 1) x = Scale.scale(pass.tape(), x, scale);
    return widen == null ? x : widen.apply(pass, "embed.widen", x);
  }

  /** The same with another prompt, or none. */
  public TokenEmbeddings withPrompt(@Nullable Parameter other) {
    return new TokenEmbeddings(token, other, scale, widen, type, position, offset, norm, context);
  }

  @Override
  public int ahead() {
    return prompt == null ? 0 : prompt.shape().rows();
  }

  private static Var everySequence(Pass pass, Parameter rows) {
    int n = rows.shape().rows();
    int[] each = new int[pass.batch() * n];
    for (int i = 0; i < each.length; i++) each[i] = i % n;
    return Embedding.embedding(pass.tape(), pass.of(rows), each);
  }

  /** A prompt is of type 0. */
  private static int @Nullable [] behind(Pass inside, Pass pass, int @Nullable [] types) {
    if (types == null || inside.time() == pass.time()) return types;
    requireOfEach(pass, "token types", types.length);
    int[] all = new int[inside.batch() * inside.time()];
    for (int b = 0; b < pass.batch(); b++)
      System.arraycopy(
          types, b * pass.time(), all, (b + 1) * inside.time() - pass.time(), pass.time());
    return all;
  }

  private static void requireOfEach(Pass pass, String what, int number) {
    if (number != pass.batch() * pass.time())
      throw new ShapeException(
          "embeddings",
          what + " must number batch × time",
          number,
          pass.batch() + "x" + pass.time());
  }

  private static Var kinds(Pass pass, Parameter table, int @Nullable [] types) {
    int[] rows = types == null ? new int[pass.batch() * pass.time()] : types;
    requireOfEach(pass, "token types", rows.length);
    return Embedding.embedding(pass.tape(), pass.of(table), rows);
  }

  private Var places(Pass pass, Parameter table) {
    int[] rows = new int[pass.batch() * pass.time()];
    for (int i = 0; i < rows.length; i++) rows[i] = offset + pass.past() + i % pass.time();
    return Embedding.embedding(pass.tape(), pass.of(table), rows);
  }

  @Override
  public void visit(String path, ParameterVisitor visitor) {
    visitor.visit(path + ".token.weight", token);
    if (prompt != null) visitor.visit(path + ".prompt.weight", prompt);
    if (widen != null) widen.visit(path + ".widen", visitor);
    if (type != null) visitor.visit(path + ".type.weight", type);
    if (position != null) visitor.visit(path + ".position.weight", position);
    if (norm != null) norm.visit(path + ".norm", visitor);
  }

  @Override
  public TokenEmbeddings rewrite(String path, Rewriter r) {
    return new TokenEmbeddings(
        r.parameter(path + ".token.weight", token),
        prompt == null ? null : r.parameter(path + ".prompt.weight", prompt),
        scale,
        widen == null ? null : widen.rewrite(path + ".widen", r),
        type == null ? null : r.parameter(path + ".type.weight", type),
        position == null ? null : r.parameter(path + ".position.weight", position),
        offset,
        norm == null ? null : norm.rewrite(path + ".norm", r),
        context);
  }
}

package dev.outpost.tornado;

import dev.outpost.tornado.body.AttentionBackward;
import dev.outpost.tornado.body.AttentionForward;
import dev.outpost.tornado.body.AttentionKeys;
import dev.outpost.tornado.body.AttentionStep;
import dev.outpost.tornado.body.Elements;
import dev.outpost.tornado.body.FewRows;
import dev.outpost.tornado.body.Gemm;
import dev.outpost.tornado.body.Losses;
import dev.outpost.tornado.body.Maps;
import dev.outpost.tornado.body.Moments;
import dev.outpost.tornado.body.Norms;
import dev.outpost.tornado.body.Rotary;
import dev.outpost.tornado.body.Sums;
import dev.outpost.tornado.body.Tokens;
import uk.ac.manchester.tornado.api.KernelContext;
import uk.ac.manchester.tornado.api.common.TornadoFunctions.Task4;
import uk.ac.manchester.tornado.api.types.arrays.FloatArray;
import uk.ac.manchester.tornado.api.types.arrays.IntArray;

/** What a device can be told to do: a body and the size of its work groups. */
enum Kernel {
  // Attention.
  ATTENTION(AttentionForward::tiles, 16, 8, false, true),
  ATTENTION_STEP(AttentionStep::oneQuery, 128, 1, false, true),
  ATTENTION_DELTA(AttentionBackward::delta, 256),
  ATTENTION_QUERIES(AttentionBackward::queries, 16, 8, false, true),
  ATTENTION_KEYS(AttentionKeys::keys, 16, 8, false, true),
  // Tokens, losses, positions, the optimiser.
  GATHER(Tokens::gather, 256),
  GATHER_STORED(Tokens::gatherStored, 256, 1, true, false),
  SCATTER(Tokens::scatter, 256),
  SOFTMAX(Losses::softmax, 256, 1, false, true),
  CROSS_ENTROPY(Losses::crossEntropy, 256, 1, false, true),
  ROTARY(Rotary::turn, 256),
  ADAM_W(Moments::adamW, 256),
  // Elements.
  FILL(Elements::fill, 256),
  COPY(Elements::copy, 256),
  AXPBY(Elements::axpby, 256),
  ADD(Elements::add, 256),
  MULTIPLY(Elements::multiply, 256),
  ADD_BIAS(Elements::addBias, 256),
  MAP(Maps::map, 256),
  MAP_BACKWARD(Maps::mapBackward, 256),
  GATE(Maps::gate, 256),
  GATE_BACKWARD(Maps::gateBackward, 256),
  NORM(Norms::forward, Norms.ITEMS, 1, false, true),
  NORM_BACKWARD(Norms::backward, Norms.ITEMS, 1, false, true),
  NORM_PARAMETERS(Norms::parameters, Sums.COLS, Sums.LANES, false, true),
  SUM_ROWS(Sums::rows, Sums.COLS, Sums.LANES, false, true),
  SUM_SQUARES(Sums::squares, Sums.ITEMS, 1, false, true),
  GEMM(Gemm::tiles, 16, 16, true, true),
  GEMM_FEW_ROWS(FewRows::product, 32, 8, true, true);

  /** Numbers of a call: room for the longest. */
  static final int ARGS = 48;

  @SuppressWarnings("ImmutableEnumChecker") // A reference to a static method.
  private final Task4<KernelContext, IntArray, FloatArray, IntArray> body;

  private final int itemsX;
  private final int itemsY;
  private final boolean reads;
  private final boolean meets;

  /** Items that know nothing of each other. */
  Kernel(Task4<KernelContext, IntArray, FloatArray, IntArray> body, int items) {
    this(body, items, 1, false, false);
  }

  /**
   * @param reads whether it reads weights as stored
   * @param meets whether the items of a group share memory and wait for each other
   */
  Kernel(
      Task4<KernelContext, IntArray, FloatArray, IntArray> body,
      int itemsX,
      int itemsY,
      boolean reads,
      boolean meets) {
    this.body = body;
    this.itemsX = itemsX;
    this.itemsY = itemsY;
    this.reads = reads;
    this.meets = meets;
  }

  Task4<KernelContext, IntArray, FloatArray, IntArray> body() {
    return body;
  }

  /** Items of a group in x. */
  int itemsX() {
    return itemsX;
  }

  /** Items of a group in y. */
  int itemsY() {
    return itemsY;
  }

  /** Whether it reads a page of weights; the others get page 0 and leave it alone. */
  boolean readsPages() {
    return reads;
  }

  /** Whether items of a group wait for each other. */
  boolean meets() {
    return meets;
  }
}

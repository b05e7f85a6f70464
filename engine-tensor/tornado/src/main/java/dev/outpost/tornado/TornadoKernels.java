package dev.outpost.tornado;

import dev.outpost.tensor.Tensor;
import dev.outpost.tensor.kernel.AdamWStep;
import dev.outpost.tensor.kernel.AttentionShape;
import dev.outpost.tensor.kernel.HeadView;
import dev.outpost.tensor.kernel.Kernels;
import dev.outpost.tensor.kernel.MatView;
import dev.outpost.tensor.kernel.RotaryShape;
import dev.outpost.tensor.kernel.Team;
import dev.outpost.tensor.kernel.UnaryMap;
import dev.outpost.tensor.memory.DeviceMemory;
import dev.outpost.tensor.weight.Weight;
import dev.outpost.tornado.body.FewRows;
import dev.outpost.tornado.body.Gemm;
import dev.outpost.tornado.body.Maps;
import dev.outpost.tornado.body.Sums;
import java.util.Arrays;
import java.util.List;
import java.util.function.Consumer;
import java.util.function.DoubleSupplier;
import org.jspecify.annotations.Nullable;

/**
 * Every operation as launches of a device's {@link Kernel}s, on operands that live there as {@link
 * DeviceMemory} says. What the device has no room or no kernel for, the host's kernels do. Callers
 * on several threads take turns, call by call.
 */
final class TornadoKernels implements Kernels {
  /** Up to here every integer is a float. */
  private static final int EXACT = 1 << 24;

  /** Queries, or keys, of one group of attention, and columns of its result. */
  private static final int ATTENTION_TILE = 32;

  private static final int ATTENTION_COLUMNS = 64;

  /** What a grid's second extent allows. */
  private static final int ATTENTION_POSITIONS = 65535 * ATTENTION_TILE;

  /** What this class leaves to the host's kernels. */
  static final List<String> ON_HOST =
      List.of(
          "products of two weights that are both read in place from their files",
          "attention over more than %,d positions".formatted(ATTENTION_POSITIONS),
          "losses over, and rows of tables of, more than %,d tokens".formatted(EXACT),
          "whatever finds no room in its memory, which is said when it happens");

  private final Accelerator device;
  private final Kernels host;
  private final Residence residence;

  /**
   * @param host does what the device cannot
   * @param strict whether a kernel that the device does not take ends the work
   * @param notes is told what a user should know
   */
  TornadoKernels(Accelerator device, Kernels host, boolean strict, Consumer<String> notes) {
    this.device = device;
    this.host = host;
    this.residence = new Residence(device, strict, notes);
  }

  @Override
  public String name() {
    return "tornado on " + device.name();
  }

  @Override
  public Team team() {
    return host.team();
  }

  @Override
  public DeviceMemory memory() {
    return residence;
  }

  /** What has crossed the bus. */
  Traffic traffic() {
    return residence.traffic();
  }

  /** Bytes of the device that hold something. */
  long usedBytes() {
    return residence.usedBytes();
  }

  private Call call() {
    return new Call(residence);
  }

  /** One item per element. */
  private void each(Kernel kernel, int n, int... args) {
    launch(kernel, 0, groups(n, kernel.itemsX()), 1, 1, args);
  }

  private void launch(Kernel kernel, int page, int x, int y, int z, int... args) {
    device.launch(kernel, page, args, x, y, z);
    residence.traffic().launched();
  }

  private static int groups(int n, int items) {
    return (n + items - 1) / items;
  }

  private static int bits(float value) {
    return Float.floatToRawIntBits(value);
  }

  private static int flag(boolean value) {
    return value ? 1 : 0;
  }

  // ---- elements

  @Override
  public void fill(Tensor t, float value) {
    int n = t.size();
    if (n == 0) return;
    Call c = call().out(t);
    c.run(() -> each(Kernel.FILL, n, n, c.at(t), bits(value)), () -> host.fill(t, value));
  }

  @Override
  public void copy(MatView from, MatView to, boolean accumulate) {
    int n = to.rows() * to.cols();
    if (n == 0) return;
    Call c = call().in(from).out(to, accumulate);
    c.run(
        () ->
            each(
                Kernel.COPY,
                n,
                to.rows(),
                to.cols(),
                c.at(from),
                from.rowStride(),
                from.colStride(),
                c.at(to),
                to.rowStride(),
                flag(accumulate)),
        () -> host.copy(from, to, accumulate));
  }

  @Override
  public void addBias(Tensor x, Tensor bias, Tensor y) {
    int n = x.size();
    if (n == 0) return;
    Call c = call().in(x).in(bias).out(y);
    c.run(
        () -> each(Kernel.ADD_BIAS, n, n, x.cols(), c.at(x), c.at(bias), c.at(y)),
        () -> host.addBias(x, bias, y));
  }

  @Override
  public void axpby(float alpha, Tensor x, float beta, Tensor y) {
    int n = x.size();
    if (n == 0) return;
    Call c = call().in(x).out(y, beta != 0);
    c.run(
        () -> each(Kernel.AXPBY, n, n, bits(alpha), c.at(x), bits(beta), c.at(y)),
        () -> host.axpby(alpha, x, beta, y));
  }

  @Override
  public void add(Tensor a, Tensor b, Tensor y) {
    int n = y.size();
    if (n == 0) return;
    Call c = call().in(a).in(b).out(y);
    c.run(() -> each(Kernel.ADD, n, n, c.at(a), c.at(b), c.at(y)), () -> host.add(a, b, y));
  }

  @Override
  public void multiply(Tensor a, Tensor b, Tensor y, boolean accumulate) {
    int n = y.size();
    if (n == 0) return;
    Call c = call().in(a).in(b).out(y, accumulate);
    c.run(
        () -> each(Kernel.MULTIPLY, n, n, c.at(a), c.at(b), c.at(y), flag(accumulate)),
        () -> host.multiply(a, b, y, accumulate));
  }

  @Override
  public void map(UnaryMap op, Tensor x, Tensor y) {
    int n = x.size();
    if (n == 0) return;
    Call c = call().in(x).out(y);
    c.run(() -> each(Kernel.MAP, n, n, code(op), c.at(x), c.at(y)), () -> host.map(op, x, y));
  }

  @Override
  public void mapBackward(UnaryMap op, Tensor x, Tensor dy, Tensor dx, boolean accumulate) {
    int n = x.size();
    if (n == 0) return;
    Call c = call().in(x).in(dy).out(dx, accumulate);
    c.run(
        () ->
            each(
                Kernel.MAP_BACKWARD, n, n, code(op), c.at(x), c.at(dy), c.at(dx), flag(accumulate)),
        () -> host.mapBackward(op, x, dy, dx, accumulate));
  }

  @Override
  public void gate(UnaryMap op, Tensor gate, Tensor up, Tensor y) {
    int n = y.size();
    if (n == 0) return;
    Call c = call().in(gate).in(up).out(y);
    c.run(
        () -> each(Kernel.GATE, n, n, code(op), c.at(gate), c.at(up), c.at(y)),
        () -> host.gate(op, gate, up, y));
  }

  @Override
  public void gateBackward(
      UnaryMap op, Tensor gate, Tensor up, Tensor dy, Tensor dgate, Tensor dup) {
    int n = dy.size();
    if (n == 0) return;
    Call c = call().in(gate).in(up).in(dy).out(dgate).out(dup);
    c.run(
        () ->
            each(
                Kernel.GATE_BACKWARD,
                n,
                n,
                code(op),
                c.at(gate),
                c.at(up),
                c.at(dy),
                c.at(dgate),
                c.at(dup)),
        () -> host.gateBackward(op, gate, up, dy, dgate, dup));
  }

  private static int code(UnaryMap op) {
    return switch (op) {
      case GELU_TANH -> Maps.GELU_TANH;
      case GELU_ERF -> Maps.GELU_ERF;
      case TANH -> Maps.TANH;
      case RELU -> Maps.RELU;
      case SILU -> Maps.SILU;
      case QUICK_GELU -> Maps.QUICK_GELU;
    };
  }

  @Override
  public void adamW(Tensor p, Tensor g, Tensor m, Tensor v, AdamWStep step) {
    int n = p.size();
    if (n == 0) return;
    double correct1 = 1 - Math.pow(step.beta1(), step.step());
    double correct2 = 1 - Math.pow(step.beta2(), step.step());
    Call c = call().inOut(p).in(g).inOut(m).inOut(v);
    c.run(
        () ->
            each(
                Kernel.ADAM_W,
                n,
                n,
                c.at(p),
                c.at(g),
                c.at(m),
                c.at(v),
                bits(step.gradScale()),
                bits(step.beta1()),
                bits((float) (1 - (double) step.beta1())),
                bits(step.beta2()),
                bits((float) (1 - (double) step.beta2())),
                bits((float) (step.lr() / correct1)),
                bits((float) (1 / Math.sqrt(correct2))),
                bits(step.eps()),
                bits((float) ((double) step.lr() * step.weightDecay()))),
        () -> host.adamW(p, g, m, v, step));
  }

  // ---- products

  @Override
  public void gemm(MatView a, MatView b, MatView c, boolean accumulate) {
    if (c.rows() == 0 || c.cols() == 0) return;
    // A weight on the left is one on the right of the transposed product, and few columns are few
    // rows of it.
    boolean turned = !a.onHeap() || b.onHeap() && few(b.cols()) && a.rows() > b.cols();
    MatView left = turned ? b.t() : a;
    MatView right = turned ? a.t() : b;
    Residence.@Nullable Paged stored = right.onHeap() ? null : residence.page(right);
    boolean possible = left.onHeap() && (right.onHeap() || stored != null);
    Call call = call().out(c, accumulate);
    if (a.onHeap()) call.in(a);
    if (b.onHeap()) call.in(b);
    Runnable onHost = () -> host.gemm(a, b, c, accumulate);
    if (possible) call.run(() -> product(call, left, right, stored, c, turned, accumulate), onHost);
    else call.onHost(onHost);
  }

  private static boolean few(int rows) {
    return rows <= FewRows.ROWS;
  }

  private void product(
      Call call,
      MatView a,
      MatView b,
      Residence.@Nullable Paged stored,
      MatView c,
      boolean turned,
      boolean accumulate) {
    int[] args = {
      a.rows(),
      b.cols(),
      a.cols(),
      call.at(a),
      a.rowStride(),
      a.colStride(),
      stored == null ? call.at(b) : stored.at() + (int) b.offset(),
      b.rowStride(),
      b.colStride(),
      call.at(c),
      turned ? 1 : c.rowStride(),
      turned ? c.rowStride() : 1,
      flag(accumulate),
      stored == null ? Gemm.HEAP : stored.type()
    };
    int page = stored == null ? 0 : stored.page();
    int cols = b.rowStride() == 1 ? FewRows.ALONG : FewRows.ACROSS;
    if (few(a.rows()) && (b.rowStride() == 1 || b.colStride() == 1))
      launch(Kernel.GEMM_FEW_ROWS, page, groups(b.cols(), cols), 1, 1, args);
    else
      launch(Kernel.GEMM, page, groups(b.cols(), Gemm.TILE), groups(a.rows(), Gemm.TILE), 1, args);
  }

  // ---- rows

  /** Rows that one group sums; more are summed in two steps, so that many groups work. */
  private static final int DEEP = 128;

  @Override
  public void sumRows(Tensor x, Tensor out, boolean accumulate) {
    int rows = x.rows();
    int cols = x.cols();
    if (cols == 0) return;
    int parts = parts(rows);
    float[] scratch = new float[0];
    Call c = call().in(x).out(out, accumulate);
    if (parts > 1) c.scratch(scratch, parts * cols);
    c.run(
        () -> {
          if (parts > 1) {
            sumRows(rows, cols, DEEP, c.at(x), c.at(scratch), false);
            sumRows(parts, cols, parts, c.at(scratch), c.at(out), accumulate);
          } else {
            sumRows(rows, cols, rows, c.at(x), c.at(out), accumulate);
          }
        },
        () -> host.sumRows(x, out, accumulate));
  }

  private void sumRows(int rows, int cols, int deep, int x, int out, boolean accumulate) {
    launch(
        Kernel.SUM_ROWS,
        0,
        groups(cols, Sums.COLS),
        deep == 0 ? 1 : groups(rows, deep),
        1,
        rows,
        cols,
        deep,
        x,
        out,
        flag(accumulate));
  }

  private static int parts(int rows) {
    return Math.max(1, groups(rows, DEEP));
  }

  @Override
  public double sumSquares(Tensor x) {
    return squares(x, null, () -> host.sumSquares(x));
  }

  @Override
  public double sumSquaredDifference(Tensor a, Tensor b) {
    return squares(a, b, () -> host.sumSquaredDifference(a, b));
  }

  private double squares(Tensor a, @Nullable Tensor b, DoubleSupplier onHost) {
    int n = a.size();
    if (n == 0) return 0;
    int groups = groups(n, Sums.ITEMS * Sums.EACH);
    float[] parts = new float[groups];
    double[] sum = new double[1];
    Call c = call().in(a).out(parts, groups);
    if (b != null) c.in(b);
    c.run(
        () ->
            launch(
                Kernel.SUM_SQUARES,
                0,
                groups,
                1,
                1,
                n,
                c.at(a),
                b == null ? -1 : c.at(b),
                c.at(parts)),
        () -> sum[0] = onHost.getAsDouble());
    for (float part : parts) sum[0] += part;
    return sum[0];
  }

  @Override
  public void softmax(Tensor x, Tensor y) {
    if (x.size() == 0) return;
    Call c = call().in(x).out(y);
    c.run(
        () -> launch(Kernel.SOFTMAX, 0, x.rows(), 1, 1, x.cols(), c.at(x), c.at(y)),
        () -> host.softmax(x, y));
  }

  @Override
  public void layerNorm(
      Tensor x, Tensor gamma, Tensor beta, float eps, Tensor y, Tensor mean, Tensor rstd) {
    if (x.size() == 0) return;
    Call c = call().in(x).in(gamma).in(beta).out(y).out(mean).out(rstd);
    c.run(
        () ->
            launch(
                Kernel.NORM,
                0,
                x.rows(),
                1,
                1,
                x.cols(),
                1,
                bits(eps),
                c.at(x),
                c.at(gamma),
                c.at(beta),
                c.at(y),
                c.at(mean),
                c.at(rstd)),
        () -> host.layerNorm(x, gamma, beta, eps, y, mean, rstd));
  }

  @Override
  public void rmsNorm(Tensor x, Tensor gamma, float eps, Tensor y, Tensor rstd) {
    if (x.size() == 0) return;
    Call c = call().in(x).in(gamma).out(y).out(rstd);
    c.run(
        () ->
            launch(
                Kernel.NORM,
                0,
                x.rows(),
                1,
                1,
                x.cols(),
                0,
                bits(eps),
                c.at(x),
                c.at(gamma),
                0,
                c.at(y),
                0,
                c.at(rstd)),
        () -> host.rmsNorm(x, gamma, eps, y, rstd));
  }

  @Override
  public void layerNormBackward(
      Tensor x,
      Tensor gamma,
      Tensor mean,
      Tensor rstd,
      Tensor dy,
      @Nullable Tensor dx,
      boolean accumulateX,
      @Nullable Tensor dgamma,
      @Nullable Tensor dbeta,
      boolean accumulateParameters) {
    Call c = call().in(x).in(gamma).in(mean).in(rstd).in(dy);
    normBackward(
        c,
        new Normed(x, gamma, mean, rstd, dy),
        dx,
        accumulateX,
        dgamma,
        dbeta,
        accumulateParameters,
        () ->
            host.layerNormBackward(
                x, gamma, mean, rstd, dy, dx, accumulateX, dgamma, dbeta, accumulateParameters));
  }

  @Override
  public void rmsNormBackward(
      Tensor x,
      Tensor gamma,
      Tensor rstd,
      Tensor dy,
      @Nullable Tensor dx,
      boolean accumulateX,
      @Nullable Tensor dgamma,
      boolean accumulateGamma) {
    Call c = call().in(x).in(gamma).in(rstd).in(dy);
    normBackward(
        c,
        new Normed(x, gamma, null, rstd, dy),
        dx,
        accumulateX,
        dgamma,
        null,
        accumulateGamma,
        () -> host.rmsNormBackward(x, gamma, rstd, dy, dx, accumulateX, dgamma, accumulateGamma));
  }

  /** What a norm's backward reads; no mean where it is 0 by definition. */
  private record Normed(Tensor x, Tensor gamma, @Nullable Tensor mean, Tensor rstd, Tensor dy) {}

  private void normBackward(
      Call c,
      Normed n,
      @Nullable Tensor dx,
      boolean accumulateX,
      @Nullable Tensor dgamma,
      @Nullable Tensor dbeta,
      boolean accumulateParameters,
      Runnable onHost) {
    if (n.x.cols() == 0) return;
    if (dx != null) c.out(dx, accumulateX);
    if (dgamma != null) c.out(dgamma, accumulateParameters);
    if (dbeta != null) c.out(dbeta, accumulateParameters);
    float[] gammas = new float[0];
    float[] betas = new float[0];
    int parts = parts(n.x.rows());
    if (parts > 1) c.scratch(gammas, parts * n.x.cols()).scratch(betas, parts * n.x.cols());
    c.run(
        () -> {
          if (dx != null && n.x.rows() > 0) normInputs(c, n, c.at(dx), accumulateX);
          if (dgamma == null || n.mean != null && dbeta == null) return;
          int toGamma = c.at(dgamma);
          int toBeta = dbeta == null ? 0 : c.at(dbeta);
          if (parts == 1) {
            normParameters(c, n, toGamma, toBeta, accumulateParameters);
            return;
          }
          int cols = n.x.cols();
          normParameters(c, n, c.at(gammas), c.at(betas), false);
          sumRows(parts, cols, parts, c.at(gammas), toGamma, accumulateParameters);
          if (dbeta != null) sumRows(parts, cols, parts, c.at(betas), toBeta, accumulateParameters);
        },
        onHost);
  }

  private void normInputs(Call c, Normed n, int dx, boolean accumulate) {
    launch(
        Kernel.NORM_BACKWARD,
        0,
        n.x.rows(),
        1,
        1,
        n.x.cols(),
        flag(n.mean != null),
        c.at(n.x),
        c.at(n.gamma),
        n.mean == null ? 0 : c.at(n.mean),
        c.at(n.rstd),
        c.at(n.dy),
        dx,
        flag(accumulate));
  }

  private void normParameters(Call c, Normed n, int dgamma, int dbeta, boolean accumulate) {
    launch(
        Kernel.NORM_PARAMETERS,
        0,
        groups(n.x.cols(), Sums.COLS),
        parts(n.x.rows()),
        1,
        n.x.rows(),
        n.x.cols(),
        DEEP,
        flag(n.mean != null),
        c.at(n.x),
        n.mean == null ? 0 : c.at(n.mean),
        c.at(n.rstd),
        c.at(n.dy),
        dgamma,
        dbeta,
        flag(accumulate));
  }

  @Override
  public void crossEntropy(
      Tensor logits, int[] targets, float scale, float[] losses, boolean gradient) {
    int rows = logits.rows();
    if (rows == 0) return;
    int cols = logits.cols();
    Call c = call();
    if (gradient) c.inOut(logits);
    else c.in(logits);
    if (cols == 0 || cols > EXACT) {
      c.onHost(() -> host.crossEntropy(logits, targets, scale, losses, gradient));
      return;
    }
    float[] wanted = new float[rows];
    for (int r = 0; r < rows; r++) wanted[r] = Math.max(-1, targets[r]);
    c.in(wanted).out(losses, rows);
    c.run(
        () ->
            launch(
                Kernel.CROSS_ENTROPY,
                0,
                rows,
                1,
                1,
                cols,
                c.at(logits),
                c.at(wanted),
                c.at(losses),
                bits(scale),
                flag(gradient)),
        () -> host.crossEntropy(logits, targets, scale, losses, gradient));
  }

  // ---- tokens

  @Override
  public void gather(Weight table, int[] ids, Tensor out, boolean accumulate) {
    int n = out.size();
    if (n == 0) return;
    MatView rows = table.view();
    Call c = call().out(out, accumulate);
    if (rows.onHeap()) c.in(rows);
    Residence.@Nullable Paged paged = rows.onHeap() ? null : residence.page(rows);
    if (rows.rows() > EXACT || !rows.onHeap() && paged == null) {
      c.onHost(() -> host.gather(table, ids, out, accumulate));
      return;
    }
    float[] wanted = new float[ids.length];
    for (int i = 0; i < ids.length; i++) wanted[i] = ids[i];
    c.in(wanted);
    c.run(
        () ->
            launch(
                paged == null ? Kernel.GATHER : Kernel.GATHER_STORED,
                paged == null ? 0 : paged.page(),
                groups(n, 256),
                1,
                1,
                n,
                out.cols(),
                c.at(wanted),
                paged == null ? c.at(rows) : (int) (paged.at() + rows.offset()),
                rows.rowStride(),
                rows.colStride(),
                c.at(out),
                flag(accumulate),
                paged == null ? 0 : paged.type()),
        () -> host.gather(table, ids, out, accumulate));
  }

  @Override
  public void scatterAdd(Tensor dOut, int[] ids, Tensor dTable) {
    if (dOut.size() == 0) return;
    Call c = call().in(dOut).inOut(dTable);
    if (dTable.rows() > EXACT || ids.length > EXACT) {
      c.onHost(() -> host.scatterAdd(dOut, ids, dTable));
      return;
    }
    float[] runs = runs(ids);
    int count = (runs.length - 1 - ids.length) / 2;
    int n = count * dOut.cols();
    c.in(runs);
    c.run(
        () -> each(Kernel.SCATTER, n, n, dOut.cols(), count, c.at(dOut), c.at(dTable), c.at(runs)),
        () -> host.scatterAdd(dOut, ids, dTable));
  }

  /**
   * Rows of equal ids side by side, in their order: where each run begins and where the last ends,
   * each run's id, the rows.
   */
  private static float[] runs(int[] ids) {
    long[] sorted = new long[ids.length];
    for (int i = 0; i < ids.length; i++) sorted[i] = (long) ids[i] << 32 | i;
    Arrays.sort(sorted);
    int count = 0;
    for (int i = 0; i < ids.length; i++)
      if (i == 0 || sorted[i] >> 32 != sorted[i - 1] >> 32) count++;
    float[] runs = new float[2 * count + 1 + ids.length];
    int run = 0;
    for (int i = 0; i < ids.length; i++) {
      if (i == 0 || sorted[i] >> 32 != sorted[i - 1] >> 32) {
        runs[run] = i;
        runs[count + 1 + run++] = sorted[i] >> 32;
      }
      runs[2 * count + 1 + i] = (int) sorted[i];
    }
    runs[count] = ids.length;
    return runs;
  }

  // ---- heads

  @Override
  public void rotary(RotaryShape s, Tensor angles, HeadView x, HeadView y, boolean inverse) {
    int width = s.heads() * s.headDim();
    int n = s.batch() * s.time() * s.heads() * (s.headDim() - s.pairs());
    if (n == 0) return;
    Call c = call().in(angles).in(x, s.batch(), s.time(), width).out(y, s.batch(), s.time(), width);
    c.run(
        () ->
            each(
                Kernel.ROTARY,
                n,
                n,
                s.time(),
                s.past(),
                s.heads(),
                s.headDim(),
                s.pairs(),
                s.pairing().first(1),
                s.pairing().apart(s.pairs()),
                c.at(angles),
                inverse ? -1 : 1,
                c.at(x),
                x.batchStride(),
                x.rowStride(),
                c.at(y),
                y.batchStride(),
                y.rowStride()),
        () -> host.rotary(s, angles, x, y, inverse));
  }

  @Override
  public void attention(
      AttentionShape s, HeadView q, HeadView k, HeadView v, HeadView out, Tensor lse) {
    int wide = s.heads() * s.headDim();
    int narrow = s.kvHeads() * s.headDim();
    float[] extras = extras(s);
    Call c =
        call()
            .in(q, s.batch(), s.queries(), wide)
            .in(k, s.batch(), s.keys(), narrow)
            .in(v, s.batch(), s.keys(), narrow)
            .in(extras)
            .out(out, s.batch(), s.queries(), wide)
            .out(lse);
    if (hostAttends(s)) {
      c.onHost(() -> host.attention(s, q, k, v, out, lse));
      return;
    }
    c.run(
        () -> {
          int[] args = attentionArgs(c, s, extras, q, k, v, out, lse);
          int x = s.batch() * s.heads();
          if (s.queries() == 1 && s.headDim() <= 256)
            launch(Kernel.ATTENTION_STEP, 0, x, 1, 1, args);
          else
            launch(
                Kernel.ATTENTION,
                0,
                x,
                groups(s.queries(), ATTENTION_TILE),
                groups(s.headDim(), ATTENTION_COLUMNS),
                args);
        },
        () -> host.attention(s, q, k, v, out, lse));
  }

  @Override
  public void attentionBackward(
      AttentionShape s,
      HeadView q,
      HeadView k,
      HeadView v,
      HeadView out,
      Tensor lse,
      HeadView dout,
      HeadView dq,
      HeadView dk,
      HeadView dv) {
    int wide = s.heads() * s.headDim();
    int narrow = s.kvHeads() * s.headDim();
    float[] extras = extras(s);
    float[] delta = new float[s.batch() * s.heads() * s.queries()];
    Call c =
        call()
            .in(q, s.batch(), s.queries(), wide)
            .in(k, s.batch(), s.keys(), narrow)
            .in(v, s.batch(), s.keys(), narrow)
            .in(extras)
            .in(out, s.batch(), s.queries(), wide)
            .in(lse)
            .in(dout, s.batch(), s.queries(), wide)
            .scratch(delta, delta.length)
            .out(dq, s.batch(), s.queries(), wide)
            .out(dk, s.batch(), s.keys(), narrow)
            .out(dv, s.batch(), s.keys(), narrow);
    if (hostAttends(s)) {
      c.onHost(() -> host.attentionBackward(s, q, k, v, out, lse, dout, dq, dk, dv));
      return;
    }
    c.run(
        () -> {
          int[] args = attentionArgs(c, s, extras, q, k, v, out, lse);
          view(args, 25, c, dout);
          view(args, 28, c, dq);
          view(args, 31, c, dk);
          view(args, 34, c, dv);
          args[37] = c.at(delta);
          int columns = groups(s.headDim(), ATTENTION_COLUMNS);
          each(Kernel.ATTENTION_DELTA, delta.length, args);
          int x = s.batch() * s.heads();
          launch(
              Kernel.ATTENTION_QUERIES, 0, x, groups(s.queries(), ATTENTION_TILE), columns, args);
          x = s.batch() * s.kvHeads();
          launch(Kernel.ATTENTION_KEYS, 0, x, groups(s.keys(), ATTENTION_TILE), columns, args);
        },
        () -> host.attentionBackward(s, q, k, v, out, lse, dout, dq, dk, dv));
  }

  /** Nothing to do for a device, or more positions than it counts. */
  private static boolean hostAttends(AttentionShape s) {
    return s.batch() == 0
        || s.heads() == 0
        || s.headDim() == 0
        || s.queries() == 0
        || s.keys() == 0
        || Math.max(s.keys(), s.queries()) > ATTENTION_POSITIONS;
  }

  /** Slopes of the heads, then lengths of the sequences. */
  private static float[] extras(AttentionShape s) {
    float[] slopes = s.scores().slopes();
    int[] lengths = s.lengths();
    int before = slopes == null ? 0 : slopes.length;
    float[] extras = new float[before + (lengths == null ? 0 : lengths.length)];
    if (slopes != null) System.arraycopy(slopes, 0, extras, 0, before);
    for (int i = before; lengths != null && i < extras.length; i++) extras[i] = lengths[i - before];
    return extras;
  }

  private static int[] attentionArgs(
      Call c,
      AttentionShape s,
      float[] extras,
      HeadView q,
      HeadView k,
      HeadView v,
      HeadView out,
      Tensor lse) {
    int[] args = new int[38];
    args[0] = s.batch();
    args[1] = s.queries();
    args[2] = s.keys();
    args[3] = s.heads();
    args[4] = s.kvHeads();
    args[5] = s.headDim();
    args[6] = bits(s.scores().scale());
    args[7] = bits(s.scores().softcap());
    args[8] = Math.min(s.scores().ahead(), EXACT);
    args[9] = Math.min(s.scores().behind(), EXACT);
    float[] slopes = s.scores().slopes();
    args[10] = slopes == null ? -1 : c.at(extras);
    args[11] = s.lengths() == null ? -1 : c.at(extras) + (slopes == null ? 0 : slopes.length);
    view(args, 12, c, q);
    view(args, 15, c, k);
    view(args, 18, c, v);
    view(args, 21, c, out);
    args[24] = c.at(lse);
    return args;
  }

  private static void view(int[] args, int i, Call c, HeadView v) {
    args[i] = c.at(v);
    args[i + 1] = v.batchStride();
    args[i + 2] = v.rowStride();
  }
}

package dev.outpost.offsite.emulator;

import dev.outpost.autograd.Tape;
import dev.outpost.autograd.Var;
import dev.outpost.autograd.op.Divergence;
import dev.outpost.offsite.split.Split;
import dev.outpost.tensor.Tensor;
import dev.outpost.tensor.io.AtomicFile;
import dev.outpost.tensor.io.FormatException;
import dev.outpost.tensor.io.JsonObject;
import dev.outpost.tensor.kernel.Kernels;
import dev.outpost.tensor.memory.DeviceMemory;
import dev.outpost.tensor.memory.Workspace;
import dev.outpost.transformer.Input;
import dev.outpost.transformer.Slot;
import dev.outpost.transformer.TransformerModel;
import dev.outpost.transformer.module.Pass;
import dev.outpost.transformer.train.Batch;
import dev.outpost.transformer.train.Examples;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.channels.FileChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.Arrays;
import java.util.Collections;
import java.util.List;
import java.util.Map;
import java.util.WeakHashMap;
import org.jspecify.annotations.Nullable;

/**
 * What the full model says of every example, written once and read from a mapped file: with it a
 * student learns without the full model's middle in memory, and each later run without computing it
 * again. The numbers are f32 as they were computed, so learning from them gives the same bits.
 *
 * <p>The file is {@code OUTPOST-LESSONS1}, the length of a header as a little-endian 32-bit number,
 * the header, a JSON object that says of which base, text and shape it is, filled with spaces to a
 * multiple of 64 bytes, and for each example in its order what {@link Content} lists, each
 * little-endian 32-bit numbers by position.
 *
 * <p>As {@link Examples} it hands out the text it was made of; what was said of a batch is asked
 * for by that batch's input, also while the next is read.
 */
public final class Lessons implements Examples, AutoCloseable {
  private static final byte[] MAGIC = "OUTPOST-LESSONS1".getBytes(StandardCharsets.US_ASCII);
  private static final int ALIGN = 64;
  private static final int LOGIT_ROWS = 256;
  private static final ValueLayout.OfFloat F32 =
      ValueLayout.JAVA_FLOAT_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);
  private static final ValueLayout.OfInt I32 =
      ValueLayout.JAVA_INT_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);

  /**
   * What is kept of each position.
   *
   * @param middle numbers of the full middle's output: C or 0
   * @param ending numbers of what the head reads: E or 0
   * @param top tokens of whose logits the ids and values are kept, or 0
   */
  record Content(int middle, int ending, int top) {
    /** What losses with these weights ask for. */
    static Content of(TransformerModel model, float kdWeight, SoftTargets soft) {
      boolean logits = soft.weight() > 0;
      int narrow = model.narrow() == null ? model.spec().width() : model.narrow().out();
      return new Content(
          kdWeight > 0 ? model.spec().width() : 0,
          logits && soft.top() == 0 ? narrow : 0,
          logits ? Math.min(soft.top(), model.spec().outputs()) : 0);
    }

    int perPosition() {
      return middle + ending + 2 * top;
    }
  }

  private final Examples text;
  private final Content content;
  private final int time;
  private final Arena arena;
  private final MemorySegment numbers;

  /** The examples of what was handed out, for as long as anybody has it. */
  private final Map<Input, int[]> handedOut = Collections.synchronizedMap(new WeakHashMap<>());

  private Lessons(Examples text, Content content, int time, Arena arena, MemorySegment numbers) {
    this.text = text;
    this.content = content;
    this.time = time;
    this.arena = arena;
    this.numbers = numbers;
  }

  /**
   * Opens the file in {@code folder} that holds what the full model says of this text, after
   * writing it if it is not there.
   *
   * @param base fingerprint of the full model
   * @param batch sequences at a time
   * @throws FormatException when a file of that name is not what it should be
   */
  static Lessons of(
      Path folder,
      String base,
      TransformerModel full,
      Split split,
      Examples text,
      Content content,
      int batch,
      Kernels kernels)
      throws IOException {
    int time = text.batch(new int[] {0}).time();
    JsonObject header =
        JsonObject.create()
            .put("base", base)
            .put("adapter", List.copyOf(split.adapterSlots()))
            .put("text", text.sha256())
            .put("examples", text.count())
            .put("positions", time)
            .put("middle", content.middle)
            .put("ending", content.ending)
            .put("top", content.top);
    byte[] head = header(header.toLine());
    long size = head.length + 4L * text.count() * time * content.perPosition();
    Path file =
        folder.resolve(
            "teacher-" + base.substring(0, 8) + "-" + text.sha256().substring(0, 8) + ".bin");
    if (!Files.exists(file)) {
      Writer writer = new Writer(full, split, text, content, time, batch, kernels);
      AtomicFile.write(file, size, channel -> writer.write(channel, head));
    }
    Arena arena = Arena.ofShared();
    try (FileChannel channel = FileChannel.open(file, StandardOpenOption.READ)) {
      check(file, channel, head, size);
      MemorySegment all = channel.map(FileChannel.MapMode.READ_ONLY, 0, size, arena);
      return new Lessons(text, content, time, arena, all.asSlice(head.length));
    } catch (IOException | RuntimeException e) {
      arena.close();
      throw e;
    }
  }

  private static byte[] header(String json) {
    byte[] text = json.getBytes(StandardCharsets.UTF_8);
    int start = MAGIC.length + 4;
    int length = (start + text.length + ALIGN - 1) / ALIGN * ALIGN;
    ByteBuffer b = ByteBuffer.allocate(length).order(ByteOrder.LITTLE_ENDIAN);
    b.put(MAGIC).putInt(length - start).put(text);
    while (b.hasRemaining()) b.put((byte) ' ');
    return b.array();
  }

  private static void check(Path file, FileChannel channel, byte[] head, long size)
      throws IOException {
    String cure = "; delete it, and it is made again";
    if (channel.size() != size)
      throw new FormatException(
          file + ": has " + channel.size() + " bytes, must have " + size + cure);
    ByteBuffer found = ByteBuffer.allocate(head.length);
    boolean more = true;
    while (more && found.hasRemaining()) more = channel.read(found) >= 0;
    if (!found.flip().equals(ByteBuffer.wrap(head)))
      throw new FormatException(
          file + ": was written for another base, text or loss, or is no file of lessons" + cure);
  }

  /** Runs the full model over the text. */
  private record Writer(
      TransformerModel full,
      Split split,
      Examples text,
      Content content,
      int time,
      int batch,
      Kernels kernels) {
    void write(FileChannel channel, byte[] head) throws IOException {
      put(channel, ByteBuffer.wrap(head));
      Workspace workspace = new Workspace();
      for (int from = 0; from < text.count(); from += batch) {
        // Always whole batches: with other extents a kernel may add in another order.
        int[] which = new int[batch];
        for (int i = 0; i < batch; i++) which[i] = Math.min(from + i, text.count() - 1);
        Batch read = text.batch(which);
        if (read.time() != time)
          throw new IllegalArgumentException(
              "step distill: cache=true needs examples of one length; leave it out");
        try {
          batch(channel, read, Math.min(batch, text.count() - from), workspace);
        } finally {
          workspace.releaseAll();
        }
      }
    }

    private void batch(FileChannel channel, Batch read, int examples, Workspace workspace)
        throws IOException {
      Tape tape = Tape.evaluating(kernels, workspace);
      Pass pass = read.pass(tape);
      List<Slot> stack = split.slots();
      int middleEnd = stack.indexOf(split.middle().getLast()) + 1;
      Var h =
          TransformerModel.stack(pass, stack.subList(0, middleEnd), full.embed(pass, read.input()));
      @Nullable Var ending = null;
      if (content.ending + content.top > 0)
        ending =
            full.ending(
                pass, TransformerModel.stack(pass, stack.subList(middleEnd, stack.size()), h));
      if (ending != null && ending.value().rows() != batch * time)
        throw new IllegalArgumentException(
            "step distill: cache=true keeps logits of tokens only; leave it out");
      ByteBuffer out =
          ByteBuffer.allocate(4 * time * content.perPosition()).order(ByteOrder.LITTLE_ENDIAN);
      int[][] ids = content.top > 0 && ending != null ? new int[batch * time][] : new int[0][];
      float[][] values = new float[ids.length][];
      if (content.top > 0 && ending != null) likeliest(tape, pass, ending, ids, values);
      for (int e = 0; e < examples; e++) {
        out.clear();
        if (content.middle > 0) put(out, h.value().slice(e * time, (e + 1) * time));
        if (content.ending > 0 && ending != null)
          put(out, ending.value().slice(e * time, (e + 1) * time));
        for (int r = e * time; content.top > 0 && r < (e + 1) * time; r++) {
          for (int id : ids[r]) out.putInt(id);
          for (float v : values[r]) out.putFloat(v);
        }
        put(channel, out.flip());
      }
    }

    /** Few rows at a time, but never so few that a kernel for few takes another order. */
    private void likeliest(Tape tape, Pass pass, Var ending, int[][] ids, float[][] values) {
      int chunks = (ids.length + LOGIT_ROWS - 1) / LOGIT_ROWS;
      for (int c = 0; c < chunks; c++) {
        int from = (int) ((long) ids.length * c / chunks);
        int to = (int) ((long) ids.length * (c + 1) / chunks);
        try (Tape.Scope _ = tape.scope()) {
          Tensor logits = full.logits(pass, ending, from, to);
          for (int r = from; r < to; r++) {
            ids[r] = top(logits, r - from, content.top);
            values[r] = new float[content.top];
            for (int j = 0; j < content.top; j++)
              values[r][j] = logits.get((r - from) * logits.cols() + ids[r][j]);
          }
        }
      }
    }

    private static void put(ByteBuffer out, Tensor t) {
      for (int i = 0; i < t.size(); i++) out.putFloat(t.get(i));
    }

    private static void put(FileChannel channel, ByteBuffer bytes) throws IOException {
      while (bytes.hasRemaining()) channel.write(bytes);
    }
  }

  /** The ids of the k largest numbers of a row, the lower of equals first. */
  static int[] top(Tensor logits, int row, int k) {
    int v = logits.cols();
    // A heap of the k largest, the smallest on top.
    int[] heap = new int[k];
    int n = 0;
    for (int id = 0; id < v; id++) {
      if (n < k) {
        heap[n++] = id;
        for (int c = n - 1; c > 0 && less(logits, row, heap[c], heap[(c - 1) / 2]); c = (c - 1) / 2)
          swap(heap, c, (c - 1) / 2);
      } else if (less(logits, row, heap[0], id)) {
        heap[0] = id;
        for (int p = 0, c = least(logits, row, heap, p);
            c != p;
            p = c, c = least(logits, row, heap, p)) swap(heap, p, c);
      }
    }
    Arrays.sort(heap);
    return heap;
  }

  private static boolean less(Tensor t, int row, int a, int b) {
    float x = t.get(row * t.cols() + a);
    float y = t.get(row * t.cols() + b);
    return x < y || (x == y && a > b);
  }

  private static int least(Tensor t, int row, int[] heap, int p) {
    int least = p;
    for (int c = 2 * p + 1; c <= 2 * p + 2 && c < heap.length; c++)
      if (less(t, row, heap[c], heap[least])) least = c;
    return least;
  }

  private static void swap(int[] heap, int a, int b) {
    int x = heap[a];
    heap[a] = heap[b];
    heap[b] = x;
  }

  @Override
  public int count() {
    return text.count();
  }

  @Override
  public Batch batch(int[] examples) {
    Batch read = text.batch(examples);
    handedOut.put(read.input(), examples.clone());
    return read;
  }

  @Override
  public String extent() {
    return text.extent();
  }

  @Override
  public String sha256() {
    return text.sha256();
  }

  private int[] examples(Input input) {
    int[] which = handedOut.get(input);
    if (which == null)
      throw new IllegalStateException("lessons: asked of a batch that they did not hand out");
    return which;
  }

  /** The full middle's output for this batch: [B·T, C] on loan from the tape. */
  Tensor middle(Tape tape, Input input) {
    return read(tape, examples(input), 0, content.middle);
  }

  private Tensor read(Tape tape, int[] which, int skip, int columns) {
    Tensor out = tape.take(which.length * time, columns);
    for (int i = 0; i < which.length; i++)
      MemorySegment.copy(
          numbers,
          F32,
          4L * time * ((long) which[i] * content.perPosition() + skip),
          out.data(),
          out.offset() + i * time * columns,
          time * columns);
    tape.kernels().memory().store(out);
    return out;
  }

  /** The full model's logits for this batch. */
  Divergence.Teacher logits(TransformerModel headed, Pass pass, Input input) {
    int[] which = examples(input);
    if (content.top > 0) {
      DeviceMemory memory = pass.tape().kernels().memory();
      return (rows, out) -> {
        topLogits(which, rows, out);
        memory.store(out);
      };
    }
    return Distillation.logits(
        headed, pass, read(pass.tape(), which, content.middle, content.ending));
  }

  private void topLogits(int[] which, int[] rows, Tensor out) {
    out.fill(Float.NEGATIVE_INFINITY);
    for (int r = 0; r < rows.length; r++) {
      long example =
          4L * time * ((long) which[rows[r] / time] * content.perPosition() + content.middle);
      long at = example + 8L * (rows[r] % time) * content.top;
      for (int j = 0; j < content.top; j++) {
        int id = numbers.get(I32, at + 4L * j);
        if (id < 0 || id >= out.cols())
          throw new IllegalStateException(
              "lessons: hold token "
                  + id
                  + " of a vocabulary of "
                  + out.cols()
                  + "; delete the file of the teacher and start again");
        out.data()[out.offset() + r * out.cols() + id] =
            numbers.get(F32, at + 4L * (content.top + j));
      }
    }
  }

  @Override
  public void close() {
    arena.close();
  }
}

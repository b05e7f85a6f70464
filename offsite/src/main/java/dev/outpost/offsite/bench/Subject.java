package dev.outpost.offsite.bench;

import static dev.outpost.tensor.kernel.UnaryMap.GELU_TANH;

import dev.outpost.tensor.DType;
import dev.outpost.tensor.Shape;
import dev.outpost.tensor.Tensor;
import dev.outpost.tensor.kernel.RotaryPairing;
import dev.outpost.tensor.weight.HeapWeight;
import dev.outpost.tensor.weight.MappedWeight;
import dev.outpost.tensor.weight.Weight;
import dev.outpost.transformer.Slot;
import dev.outpost.transformer.Spec;
import dev.outpost.transformer.TransformerModel;
import dev.outpost.transformer.family.Gpt2;
import dev.outpost.transformer.family.Llama;
import dev.outpost.transformer.load.ModelFactory;
import dev.outpost.transformer.load.ModelFolder;
import dev.outpost.transformer.load.WeightSource;
import dev.outpost.transformer.module.Parameter;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteOrder;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.function.Predicate;
import java.util.stream.IntStream;
import org.jspecify.annotations.Nullable;

/** The model to measure: built when asked for, so that only one is in memory at a time. */
public sealed interface Subject permits Subject.Random, Subject.Folder, StoredSubject {
  /** For the results. */
  String name();

  /** Its choices. */
  Spec spec();

  /**
   * Opens it with only the named blocks.
   *
   * @param trainable which parameters may change, by name; all others are frozen
   */
  Open open(List<String> slots, Predicate<String> trainable) throws IOException;

  /** Names of all blocks. */
  default List<String> slots() {
    return IntStream.range(0, spec().layers()).mapToObj(i -> "blocks." + i).toList();
  }

  /** A model and the memory or files under it. */
  interface Open extends AutoCloseable {
    /** What was asked for. */
    TransformerModel model();

    @Override
    void close() throws IOException;
  }

  /** The dimensions of GPT-2 124M with random numbers on the heap. */
  static Subject gpt2() {
    return gpt2("gpt2-124m", 12, 768, 12);
  }

  /** The same in memory outside the heap, stored as a model file stores it. */
  static Subject gpt2(DType stored) {
    return new Random("gpt2-124m", gpt2Spec(12, 768, 12), stored);
  }

  /** A GPT-2 of other dimensions with random numbers on the heap. */
  static Subject gpt2(String name, int layers, int width, int heads) {
    return new Random(name, gpt2Spec(layers, width, heads), null);
  }

  /** A model of the user's own. Fails as {@link ModelFolder#open} does. */
  static Subject folder(Path path) throws IOException {
    try (ModelFolder f = ModelFolder.open(path)) {
      Path name = path.toAbsolutePath().normalize().getFileName();
      return new Folder(name == null ? "model" : name.toString(), f.model().spec(), path);
    }
  }

  /** The dimensions of SmolLM-135M with random numbers, its matrices so stored in a GGUF file. */
  static Subject smollm(DType stored) {
    Spec halves = Llama.spec(49152, 2048, 576, 30, 9, 3, 64, 1536, 1e-5f, 10_000, true);
    return new StoredSubject("smollm-135m", halves.with(RotaryPairing.NEIGHBOURS), stored);
  }

  private static Spec gpt2Spec(int layers, int width, int heads) {
    return Gpt2.spec(50257, 1024, width, layers, heads, 4 * width, GELU_TANH, 1e-5f, true);
  }

  /**
   * Random numbers.
   *
   * @param stored type outside the heap; null for f32 on the heap
   */
  record Random(String name, Spec spec, @Nullable DType stored) implements Subject {
    @Override
    public Open open(List<String> slots, Predicate<String> trainable) throws IOException {
      Arena arena = Arena.ofShared();
      // A weight that trains is made on the heap at once: a copy would count as resident memory.
      WeightSource source =
          (path, shape) ->
              trainable.test(path)
                  ? Parameter.trainable(HeapWeight.of(Tensor.of(shape, numbers(path, shape))))
                  : Parameter.frozen(frozen(path, shape, arena));
      TransformerModel model = ModelFactory.build(spec, slots, source);
      return new Open() {
        @Override
        public TransformerModel model() {
          return model;
        }

        @Override
        public void close() {
          arena.close();
        }
      };
    }

    private static float[] numbers(String path, Shape shape) {
      float[] x = new float[shape.size()];
      if (shape.rank() > 1) Noise.fill(x, 0.07f, path.hashCode());
      else if (path.endsWith(".weight")) Arrays.fill(x, 1);
      return x;
    }

    private Weight frozen(String path, Shape shape, Arena arena) {
      float[] x = numbers(path, shape);
      if (stored == null || shape.rank() == 1) return HeapWeight.of(Tensor.of(shape, x));
      MemorySegment bytes = arena.allocate(stored.byteSize(x.length), 64);
      switch (stored) {
        case F32 -> MemorySegment.copy(x, 0, bytes, LITTLE_FLOAT, 0, x.length);
        case F16 -> {
          for (int i = 0; i < x.length; i++)
            bytes.set(LITTLE_SHORT, 2L * i, Float.floatToFloat16(x[i]));
        }
        case BF16 -> {
          for (int i = 0; i < x.length; i++)
            bytes.set(LITTLE_SHORT, 2L * i, (short) (Float.floatToRawIntBits(x[i]) >>> 16));
        }
        default -> throw new IllegalArgumentException("bench: no random weights in " + stored);
      }
      return MappedWeight.of(bytes, stored, shape);
    }

    private static final ValueLayout.OfFloat LITTLE_FLOAT =
        ValueLayout.JAVA_FLOAT.withOrder(ByteOrder.LITTLE_ENDIAN);
    private static final ValueLayout.OfShort LITTLE_SHORT =
        ValueLayout.JAVA_SHORT.withOrder(ByteOrder.LITTLE_ENDIAN);
  }

  /** A model folder. */
  record Folder(String name, Spec spec, Path path) implements Subject {
    @Override
    public Open open(List<String> slots, Predicate<String> trainable) throws IOException {
      ModelFolder folder = ModelFolder.open(path);
      List<Slot> kept =
          folder.model().slots().stream().filter(s -> slots.contains(s.name())).toList();
      TransformerModel model = folder.model().withSlots(kept).trainable(trainable);
      return new Open() {
        @Override
        public TransformerModel model() {
          return model;
        }

        @Override
        public void close() throws IOException {
          folder.close();
        }
      };
    }
  }
}

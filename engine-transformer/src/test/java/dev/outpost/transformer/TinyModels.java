package dev.outpost.transformer;

import dev.outpost.tensor.Tensor;
import dev.outpost.tensor.io.FormatException;
import dev.outpost.tensor.kernel.Kernels;
import dev.outpost.tensor.kernel.Team;
import dev.outpost.tensor.kernel.UnaryMap;
import dev.outpost.tensor.random.RandomStream;
import dev.outpost.tensor.weight.HeapWeight;
import dev.outpost.transformer.family.Gpt2;
import dev.outpost.transformer.family.Llama;
import dev.outpost.transformer.load.ModelFactory;
import dev.outpost.transformer.module.Parameter;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/**
 * Models small enough to compute a test in milliseconds, no parameter of which is 0 or 1 as a fresh
 * model's are.
 */
public final class TinyModels {
  private TinyModels() {}

  /** GPT-2 with width 16, 2 heads, 23 tokens, context 24. */
  public static Spec spec(int layers) {
    return Gpt2.spec(23, 24, 16, layers, 2, 64, UnaryMap.GELU_TANH, 1e-5f, true);
  }

  /** Llama with width 16, 4 heads of 6 over 2 key-value heads, 23 tokens, context 24, own head. */
  public static Spec llama(int layers) {
    return Llama.spec(23, 24, 16, layers, 4, 2, 6, 40, 1e-5f, 100, false);
  }

  /** A frozen model with every number random. */
  public static TransformerModel random(Spec spec, long seed) {
    try {
      return ModelFactory.build(
          spec,
          (name, shape) -> {
            RandomStream stream = RandomStream.of(seed, name);
            float centre = name.contains("norm") && name.endsWith(".weight") ? 1 : 0;
            // Strong positions, so that generated text does not just repeat a token.
            float spread = name.equals("embed.position.weight") ? 0.8f : 0.2f;
            Tensor t = Tensor.zeros(shape);
            for (int i = 0; i < t.size(); i++)
              t.data()[i] = centre + spread * (float) stream.nextGaussian();
            return Parameter.frozen(HeapWeight.of(t));
          });
    } catch (FormatException e) {
      throw new AssertionError("a random source refuses nothing", e);
    }
  }

  /** A frozen model with every number random. */
  public static TransformerModel random(int layers, long seed) {
    return random(spec(layers), seed);
  }

  /** A random Llama of two blocks, other angles in texts longer than {@code original}. */
  public static TransformerModel longRope(int context, int original, int vocabulary) {
    Spec plain = Llama.spec(vocabulary, context, 16, 2, 4, 2, 6, 40, 1e-5f, 100, false);
    var scaling =
        new RotaryScaling.LongRope(List.of(1.0, 1.25, 1.5), List.of(1.5, 2.5, 4.0), 1.2, original);
    return random(plain.with(new Spec.Positions.Rotary(100, 3, scaling)), 11);
  }

  /** {@code n} tokens below {@code vocabulary}. */
  public static int[] tokens(int n, int vocabulary, long seed) {
    RandomStream stream = RandomStream.of(seed, "tokens");
    int[] out = new int[n];
    for (int i = 0; i < n; i++) out[i] = stream.nextInt(vocabulary);
    return out;
  }

  /** The numbers of all parameters by name, copied. */
  public static Map<String, float[]> numbers(TransformerModel model) {
    Map<String, float[]> all = new LinkedHashMap<>();
    model.visit((name, p) -> all.put(name, p.weight().toTensor().toArray()));
    return all;
  }

  /** The specification, and what this machine runs if that is something else. */
  public static List<Kernels> kernels() {
    return Shared.KERNELS;
  }

  /** What this machine runs, on two threads. */
  public static Kernels best() {
    return Shared.KERNELS.getLast();
  }

  private static final class Shared {
    static final List<Kernels> KERNELS = select();

    private static List<Kernels> select() {
      Kernels best = Kernels.best(Team.of(2));
      Kernels scalar = Kernels.scalar();
      return best.name().equals(scalar.name()) ? List.of(scalar) : List.of(scalar, best);
    }
  }
}

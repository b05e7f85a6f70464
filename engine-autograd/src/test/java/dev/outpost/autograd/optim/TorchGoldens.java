package dev.outpost.autograd.optim;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import dev.outpost.autograd.Gradients;
import dev.outpost.autograd.Tape;
import dev.outpost.autograd.Var;
import dev.outpost.autograd.op.Multiply;
import dev.outpost.autograd.op.Sum;
import dev.outpost.tensor.Shape;
import dev.outpost.tensor.Tensor;
import dev.outpost.tensor.kernel.Kernels;
import dev.outpost.tensor.memory.Workspace;
import dev.outpost.tensor.weight.HeapWeight;
import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStream;
import java.io.InputStreamReader;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/** The numbers of {@code optim.txt}, written by {@code make_goldens.py} beside it. */
final class TorchGoldens {
  static final int STEPS = 6;
  // Single roundings of numbers around 1, six steps long.
  static final float TOLERANCE = 1e-6f;

  private final Map<String, float[]> lines = new HashMap<>();
  final float[] rates;

  TorchGoldens() {
    try (InputStream in = TorchGoldens.class.getResourceAsStream("optim.txt");
        BufferedReader text =
            new BufferedReader(new InputStreamReader(in, StandardCharsets.UTF_8))) {
      text.lines().filter(l -> !l.startsWith("#")).map(l -> l.split(" ")).forEach(this::line);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
    rates = get("rates");
  }

  private void line(String[] words) {
    float[] numbers = new float[words.length - 1];
    for (int i = 0; i < numbers.length; i++) numbers[i] = Float.parseFloat(words[i + 1]);
    lines.put(words[0], numbers);
  }

  float[] get(String name) {
    assertThat(lines).containsKey(name);
    return lines.get(name);
  }

  /** One case's two weights, {@code w} with decay 0.1 and {@code b} without. */
  final class Case {
    final String name;
    final HeapWeight w;
    final HeapWeight b;
    final List<ParameterGroup> groups;
    final Gradients gradients = new Gradients();

    Case(String name) {
      this.name = name;
      this.w = weight("w");
      this.b = weight("b");
      this.groups =
          List.of(
              new ParameterGroup(List.of(new ParameterGroup.Named("w", w)), 0.1f),
              new ParameterGroup(List.of(new ParameterGroup.Named("b", b)), 0));
    }

    private HeapWeight weight(String which) {
      float[] start = get(name + "." + which + ".start");
      return HeapWeight.of(Tensor.of(Shape.of(start.length), start.clone()));
    }

    /** Fills {@link #gradients} with those of a step. */
    void gradientsOf(int step) {
      gradients.clear();
      feed(w, lines.get(name + ".w.grad." + step));
      feed(b, lines.get(name + ".b.grad." + step));
    }

    private void feed(HeapWeight weight, float @Nullable [] gradient) {
      if (gradient == null) return;
      Tape t = Tape.recording(Kernels.scalar(), new Workspace());
      Var g = t.constant(Tensor.of(weight.shape(), gradient));
      t.backward(Sum.sum(t, Multiply.multiply(t, t.leaf(weight, true), g)), gradients);
    }

    void run(Optimizer optimizer, int from, int to, @Nullable ClipNorm clip) {
      for (int step = from; step < to; step++) {
        gradientsOf(step);
        float scale = 1;
        if (clip != null) {
          ClipNorm.Result r = clip.measure(Kernels.scalar(), gradients, groups, 1);
          assertThat((float) r.norm()).isCloseTo(get(name + ".norm." + step)[0], within(TOLERANCE));
          scale = r.gradScale();
        }
        optimizer.step(gradients, rates[step], scale);
        same("w." + step, w.tensor());
        same("b." + step, b.tensor());
      }
    }

    void same(String what, Tensor got) {
      assertThat(got.toArray())
          .as(name + "." + what)
          .containsExactly(get(name + "." + what), within(TOLERANCE));
    }
  }
}

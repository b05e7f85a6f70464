package dev.outpost.autograd.op;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.outpost.autograd.GradCheck;
import dev.outpost.autograd.Gradients;
import dev.outpost.autograd.Tape;
import dev.outpost.autograd.Var;
import dev.outpost.tensor.DType;
import dev.outpost.tensor.Shape;
import dev.outpost.tensor.ShapeException;
import dev.outpost.tensor.Tensor;
import dev.outpost.tensor.kernel.Kernels;
import dev.outpost.tensor.memory.Workspace;
import dev.outpost.tensor.weight.HeapWeight;
import dev.outpost.tensor.weight.MappedWeight;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteOrder;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class LinearTest {
  private final Kernels kernels = Kernels.scalar();
  private final Workspace ws = new Workspace();
  private final Tape tape = Tape.recording(kernels, ws);

  @Test
  void computesBothLayouts() {
    Var x = tape.constant(Tensor.of(dims(1, 2), 1, 10));
    HeapWeight outIn = HeapWeight.of(Tensor.of(dims(3, 2), 1, 2, 3, 4, 5, 6));
    HeapWeight inOut = HeapWeight.of(Tensor.of(dims(2, 3), 1, 3, 5, 2, 4, 6));
    Var b = tape.leaf(HeapWeight.of(Tensor.of(dims(3), 100, 200, 300)), false);
    float[] want = {121, 243, 365};
    assertThat(linear(x, outIn, b, Linear.Layout.OUT_IN).value().toArray()).isEqualTo(want);
    assertThat(linear(x, inOut, b, Linear.Layout.IN_OUT).value().toArray()).isEqualTo(want);
  }

  private Var linear(Var x, HeapWeight w, Var b, Linear.Layout layout) {
    return Linear.linear(tape, "w", x, tape.leaf(w, false), b, layout);
  }

  @ParameterizedTest
  @CsvSource({"F32, IN_OUT", "F16, IN_OUT", "BF16, IN_OUT", "F32, OUT_IN", "BF16, OUT_IN"})
  void readsMappedWeightsInPlaceAndPassesTheirGradientThrough(DType type, Linear.Layout layout) {
    try (Arena arena = Arena.ofConfined()) {
      MappedWeight mapped = mapped(arena, type, 4, 4);
      HeapWeight heap = HeapWeight.of(mapped.toTensor());
      HeapWeight x = GradCheck.normal(3, 5, 4);
      Gradients onHeap = new Gradients();
      Gradients inPlace = new Gradients();
      float[] want = sumThrough(x, tape.leaf(heap, false), tape, layout, onHeap);
      Tape other = Tape.recording(kernels, ws);
      float[] got = sumThrough(x, other.leaf(mapped, false), other, layout, inPlace);
      assertThat(got).isEqualTo(want);
      assertThat(inPlace.get(x).toArray()).isEqualTo(onHeap.get(x).toArray());
    }
  }

  private static float[] sumThrough(
      HeapWeight x, Var w, Tape t, Linear.Layout layout, Gradients gradients) {
    Var y = Linear.linear(t, "w", t.leaf(x, true), w, null, layout);
    float[] value = y.value().toArray();
    t.backward(Sum.sum(t, y), gradients);
    return value;
  }

  static MappedWeight mapped(Arena arena, DType type, int rows, int cols) {
    MemorySegment segment = arena.allocate(type.byteSize((long) rows * cols));
    float[] numbers = GradCheck.normal(8, rows, cols).tensor().toArray();
    for (int i = 0; i < numbers.length; i++) {
      switch (type) {
        case F32 -> segment.set(le(ValueLayout.JAVA_INT), i * 4L, Float.floatToIntBits(numbers[i]));
        case F16 ->
            segment.set(le(ValueLayout.JAVA_SHORT), i * 2L, Float.floatToFloat16(numbers[i]));
        case BF16 ->
            segment.set(
                le(ValueLayout.JAVA_SHORT),
                i * 2L,
                (short) (Float.floatToIntBits(numbers[i]) >> 16));
        case Q8_0, Q4_0, Q4_1, Q5_0, Q5_1, Q4_K, Q5_K, Q6_K ->
            throw new IllegalArgumentException("no blocks here");
      }
    }
    return MappedWeight.of(segment, type, dims(rows, cols));
  }

  private static ValueLayout.OfInt le(ValueLayout.OfInt layout) {
    return layout.withOrder(ByteOrder.LITTLE_ENDIAN);
  }

  private static ValueLayout.OfShort le(ValueLayout.OfShort layout) {
    return layout.withOrder(ByteOrder.LITTLE_ENDIAN);
  }

  @Test
  void refusesToTrainAMappedWeight() {
    try (Arena arena = Arena.ofConfined()) {
      MappedWeight w = mapped(arena, DType.F32, 2, 2);
      assertThatThrownBy(() -> tape.leaf(w, true)).hasMessageContaining("load it as a heap weight");
    }
  }

  @Test
  void keepsItsInputOnlyForATrainableWeight() {
    HeapWeight w = GradCheck.normal(1, 4, 4);
    assertThat(liveAfterForward(w, true)).isGreaterThan(liveAfterForward(w, false));
  }

  /** Bytes that a scope leaves on loan after scale → linear → scale of a trainable input. */
  private long liveAfterForward(HeapWeight weight, boolean trainable) {
    Workspace own = new Workspace();
    Tape t = Tape.recording(kernels, own);
    try (Tape.Scope _ = t.scope()) {
      Var x = Scale.scale(t, t.leaf(GradCheck.normal(2, 8, 4), true), 2);
      Scale.scale(
          t, Linear.linear(t, "w", x, t.leaf(weight, trainable), null, Linear.Layout.OUT_IN), 2);
    }
    return own.meter().liveBytes();
  }

  @Test
  void namesTheParameterWhoseShapeDoesNotFit() {
    Var x = tape.constant(Tensor.zeros(8, 768));
    Var w = tape.leaf(GradCheck.normal(1, 10, 12), false);
    assertThatThrownBy(() -> Linear.linear(tape, "h.3.attn", x, w, null, Linear.Layout.OUT_IN))
        .isInstanceOf(ShapeException.class)
        .hasMessage(
            "linear h.3.attn: input has 768 columns, weight OUT_IN expects 12,"
                + " got x [8, 768] and W [10, 12]");
    Var narrow = tape.constant(Tensor.zeros(8, 12));
    assertThatThrownBy(() -> Linear.linear(tape, "p", narrow, w, narrow, Linear.Layout.OUT_IN))
        .isInstanceOf(ShapeException.class)
        .hasMessageContaining("linear p: bias must have 10 elements");
    assertThatThrownBy(() ->
            Linear.linear(tape, "q", x, tape.constant(Tensor.zeros(4)), null, Linear.Layout.OUT_IN))
        .hasMessageContaining("linear q: weight must be a matrix");
  }

  @Test
  void otherOperationsNameTheShapesThatDoNotFit() {
    Var a = tape.constant(Tensor.zeros(2, 3));
    Var b = tape.constant(Tensor.zeros(3, 2));
    for (Runnable r :
        List.<Runnable>of(
            () -> Add.add(tape, a, b),
            () -> Multiply.multiply(tape, a, b),
            () -> NormalisedMse.normalisedMse(tape, a, b.value()),
            () -> LayerNorm.layerNorm(tape, a, b, b, 1e-5f)))
      assertThatThrownBy(r::run)
          .isInstanceOf(ShapeException.class)
          .hasMessageContaining("[2, 3]")
          .hasMessageContaining("[3, 2]");
  }

  private static Shape dims(int... dims) {
    return Shape.of(dims);
  }
}

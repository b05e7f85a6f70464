package dev.outpost.tensor.memory;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.outpost.tensor.Tensor;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;
import org.junit.jupiter.api.Test;

class WorkspaceTest {
  private final Workspace workspace = new Workspace();

  @Test
  void neverLendsMemoryTwiceAtATime() {
    long seed = 4711;
    Random random = new Random(seed);
    List<Tensor> lent = new ArrayList<>();
    for (int i = 0; i < 20_000; i++) {
      if (lent.isEmpty() || random.nextInt(5) < 3 && lent.size() < 60) {
        int rows = 1 + random.nextInt(40);
        Tensor t = workspace.take(rows, 1 + random.nextInt(random.nextBoolean() ? 40 : 400));
        t.fill(i);
        if (random.nextInt(10) == 0) workspace.keep(t);
        lent.add(t);
      } else {
        Tensor t = lent.remove(random.nextInt(lent.size()));
        assertThat(t.toArray()).as("seed %d, round %d", seed, i).containsOnly(t.get(0));
        workspace.release(t.slice(t.rows() / 2, t.rows()));
        assertThat(workspace.lends(t)).isFalse();
      }
    }
    Map<Float, Tensor> byMark = new HashMap<>();
    for (Tensor t : lent) assertThat(byMark.put(t.get(0), t)).isNull();
    workspace.releaseAll();
    lent.removeIf(t -> !workspace.lends(t));
    assertThat(workspace.meter().liveBytes()).isEqualTo(lent.stream().mapToLong(this::held).sum());
    for (Tensor t : lent) assertThat(t.toArray()).containsOnly(t.get(0));
    lent.forEach(workspace::release);
    assertThat(workspace.meter().liveBytes()).isZero();
  }

  private long held(Tensor t) {
    return (t.size() + 15L) / 16 * 16 * 4;
  }

  @Test
  void countsLiveBytesAndTheirPeak() {
    Tensor a = workspace.take(32);
    Tensor b = workspace.take(64);
    assertThat(workspace.meter().liveBytes()).isEqualTo((32 + 64) * 4);
    workspace.release(a);
    workspace.release(b);
    assertThat(workspace.meter().liveBytes()).isZero();
    assertThat(workspace.meter().peakBytes()).isEqualTo((32 + 64) * 4);
  }

  @Test
  void reachesASteadyStateThatAllocatesNothing() {
    step();
    long after = workspace.meter().allocatedBytes();
    for (int i = 0; i < 10; i++) step();
    assertThat(workspace.meter().allocatedBytes()).isEqualTo(after).isPositive();
  }

  private void step() {
    Tensor a = workspace.take(100, 7);
    workspace.take(3000);
    workspace.release(a);
    workspace.take(7, 100);
    workspace.takeZeroed(1);
    workspace.releaseAll();
  }

  @Test
  void givesAReleasedBufferToTheNextOfItsSize() {
    Tensor a = workspace.take(10, 20);
    workspace.release(a);
    Tensor b = workspace.take(20, 10);
    assertThat(b.data()).isSameAs(a.data());
    assertThat(b.offset()).isEqualTo(a.offset());
  }

  /** What activations leave is room for gradients of other sizes, kept beyond the step. */
  @Test
  void joinsWhatCameBackForSomethingLarger() {
    int n = 1 << 12;
    List<Tensor> activations = new ArrayList<>();
    for (int i = 0; i < 96; i++) activations.add(workspace.take(n));
    long before = workspace.meter().allocatedBytes();
    for (Tensor a : activations.reversed()) workspace.release(a);
    for (int i = 0; i < 48; i++) workspace.keep(workspace.take(n + n / 2));
    assertThat(workspace.meter().allocatedBytes()).isLessThan(before + before / 4);
  }

  @Test
  void knowsWhetherTensorsShareABuffer() {
    Tensor a = workspace.take(4, 16);
    Tensor b = workspace.take(4, 16);
    assertThat(workspace.identity(a.slice(1, 2))).isSameAs(workspace.identity(a));
    assertThat(workspace.identity(b)).isNotSameAs(workspace.identity(a));
    Tensor foreign = Tensor.zeros(2, 2);
    assertThat(workspace.identity(foreign.slice(1, 2))).isSameAs(workspace.identity(foreign));
  }

  @Test
  void leavesWhatIsKeptUntilItIsReleased() {
    Tensor a = workspace.take(10, 20);
    workspace.keep(a);
    workspace.releaseAll();
    assertThat(workspace.lends(a)).isTrue();
    workspace.release(a);
    assertThat(workspace.meter().liveBytes()).isZero();
    assertThatThrownBy(() -> workspace.keep(a))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessageContaining("[10, 20] is not on loan");
  }

  @Test
  void knowsABufferByAnyTensorOnIt() {
    Tensor a = workspace.take(4, 6);
    assertThat(workspace.lends(a.reshape(24))).isTrue();
    workspace.release(a.slice(1, 2));
    assertThat(workspace.lends(a)).isFalse();
    assertThat(workspace.meter().liveBytes()).isZero();
  }

  @Test
  void leavesForeignAndReturnedTensorsAlone() {
    workspace.release(Tensor.zeros(64));
    Tensor a = workspace.take(64);
    assertThat(workspace.meter().liveBytes()).isEqualTo(64 * 4);
    workspace.release(a);
    workspace.release(a);
    assertThat(workspace.meter().liveBytes()).isZero();
    Tensor b = workspace.take(64);
    assertThat(workspace.take(64).offset()).isNotEqualTo(b.offset());
  }

  @Test
  void zeroesOnRequestOnly() {
    Tensor dirty = workspace.take(50);
    dirty.fill(3);
    workspace.release(dirty);
    assertThat(workspace.takeZeroed(50).toArray()).containsOnly(0);
  }

  @Test
  void lendsEmptyTensors() {
    assertThat(workspace.take(0, 5).size()).isZero();
  }

  @Test
  void forgetsAtATrimWhatIsNotLent() {
    int large = 1 << 22;
    Tensor held = workspace.take(large);
    workspace.release(workspace.take(large));
    workspace.trim();
    assertThat(workspace.lends(held)).isTrue();
    long before = workspace.meter().allocatedBytes();
    workspace.take(large);
    assertThat(workspace.meter().allocatedBytes()).isEqualTo(before + 4L * large);
  }
}

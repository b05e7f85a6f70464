package dev.outpost.tensor.memory;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.outpost.tensor.Tensor;
import java.util.ArrayList;
import java.util.Collections;
import java.util.IdentityHashMap;
import java.util.List;
import java.util.Random;
import java.util.Set;
import org.junit.jupiter.api.Test;

class WorkspaceTest {
  private final Workspace workspace = new Workspace();

  @Test
  void neverLendsABufferTwiceAtATime() {
    long seed = 4711;
    Random random = new Random(seed);
    Set<float[]> out = Collections.newSetFromMap(new IdentityHashMap<>());
    List<Tensor> lent = new ArrayList<>();
    for (int i = 0; i < 5_000; i++) {
      if (lent.isEmpty() || random.nextInt(5) < 3 && lent.size() < 60) {
        Tensor t = workspace.take(random.nextInt(40), random.nextInt(40));
        assertThat(out.add(t.data())).as("seed %d, take %d: buffer free", seed, i).isTrue();
        lent.add(t);
      } else {
        Tensor t = lent.remove(random.nextInt(lent.size()));
        out.remove(t.data());
        workspace.release(t);
      }
    }
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
    assertThat(workspace.take(20, 10).data()).isSameAs(a.data());
  }

  @Test
  void letsALargerBufferStandInButNotAMuchLargerOne() {
    Tensor a = workspace.take(96);
    workspace.release(a);
    Tensor smaller = workspace.take(64);
    assertThat(smaller.data()).isSameAs(a.data());
    workspace.release(smaller);
    assertThat(workspace.take(48).data()).isNotSameAs(a.data());
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
    assertThat(workspace.take(64).data()).isNotSameAs(b.data());
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
  void allocatesAfreshAfterATrim() {
    workspace.release(workspace.take(64));
    long before = workspace.meter().allocatedBytes();
    workspace.trim();
    workspace.take(64);
    assertThat(workspace.meter().allocatedBytes()).isEqualTo(before + 64 * 4);
  }

  @Test
  void roundsSizesUpByAnEighthAtMost() {
    for (int size = 1; size < 70_000; size++) {
      int capacity = Workspace.sizeClass(size);
      assertThat(capacity).isBetween(size, size + Math.max(16, size / 8));
      assertThat(Workspace.sizeClass(capacity)).as("class of a class").isEqualTo(capacity);
    }
    assertThat(Workspace.sizeClass(Integer.MAX_VALUE - 8)).isEqualTo(Integer.MAX_VALUE - 8);
  }
}

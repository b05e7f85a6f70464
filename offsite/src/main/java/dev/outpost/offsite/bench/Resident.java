package dev.outpost.offsite.bench;

import dev.outpost.tensor.Tensor;
import dev.outpost.tensor.kernel.HeadView;
import dev.outpost.tensor.kernel.Kernels;
import dev.outpost.tensor.kernel.MatView;
import dev.outpost.tensor.memory.DeviceMemory;
import dev.outpost.tensor.weight.HeapWeight;
import java.lang.reflect.InvocationTargetException;
import java.lang.reflect.Method;
import java.lang.reflect.Proxy;
import java.util.Collections;
import java.util.IdentityHashMap;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/**
 * A device's kernels, told from some moment on to keep every array that they are given: a kernel is
 * measured on numbers that lie where it computes, as a model's do, not on their way there.
 */
final class Resident {
  private final Kernels kernels;
  private final DeviceMemory memory;
  private final Set<float[]> kept = Collections.newSetFromMap(new IdentityHashMap<>());
  private boolean keeping;

  Resident(Kernels device) {
    this.memory = device.memory();
    this.kernels =
        (Kernels)
            Proxy.newProxyInstance(
                Kernels.class.getClassLoader(),
                new Class<?>[] {Kernels.class},
                (proxy, method, arguments) -> call(device, method, arguments));
  }

  /** The same kernels. */
  Kernels kernels() {
    return kernels;
  }

  /** From now on arrays stay. */
  void keep() {
    keeping = true;
  }

  /** Lets all arrays go. */
  void release() {
    keeping = false;
    kept.forEach(memory::release);
    kept.clear();
  }

  private @Nullable Object call(Kernels device, Method method, Object @Nullable [] arguments)
      throws Throwable {
    if (keeping && arguments != null) for (Object a : arguments) keep(a);
    try {
      return method.invoke(device, arguments);
    } catch (InvocationTargetException e) {
      throw e.getCause();
    }
  }

  private void keep(@Nullable Object argument) {
    float[] array =
        switch (argument) {
          case Tensor t -> t.data();
          case HeadView v -> v.data();
          case HeapWeight w -> w.tensor().data();
          case MatView m when m.onHeap() -> m.data();
          case null, default -> null;
        };
    if (array != null && kept.add(array)) memory.adopt(array);
  }
}

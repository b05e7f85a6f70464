package dev.outpost.tornado;

import java.lang.ref.Reference;
import java.lang.ref.ReferenceQueue;
import java.lang.ref.WeakReference;
import java.util.HashMap;
import java.util.Map;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;

/** Values by the identity of objects that it does not keep alive. Not thread-safe. */
final class ByIdentity<K, V> {
  private final Map<Object, V> values = new HashMap<>();
  private final ReferenceQueue<K> gone = new ReferenceQueue<>();

  @Nullable V get(K key) {
    return values.get(new Probe(key));
  }

  void put(K key, V value) {
    values.put(new Key<>(key, gone), value);
  }

  @Nullable V remove(K key) {
    return values.remove(new Probe(key));
  }

  /** Tells the values whose objects nobody has any more, and forgets them. */
  void sweep(Consumer<V> orphan) {
    for (Reference<? extends K> r = gone.poll(); r != null; r = gone.poll()) {
      V value = values.remove(r);
      if (value != null) orphan.accept(value);
    }
  }

  /** All values. */
  Iterable<V> values() {
    return values.values();
  }

  private static final class Key<K> extends WeakReference<K> {
    private final int hash;

    Key(K object, ReferenceQueue<K> queue) {
      super(object, queue);
      hash = System.identityHashCode(object);
    }

    @Override
    public int hashCode() {
      return hash;
    }

    @Override
    public boolean equals(Object other) {
      return this == other || other instanceof Probe p && p.object == get();
    }
  }

  /** Stands for an object in a look-up. */
  private static final class Probe {
    final Object object;

    Probe(Object object) {
      this.object = object;
    }

    @Override
    public int hashCode() {
      return System.identityHashCode(object);
    }

    @Override
    public boolean equals(@Nullable Object other) {
      return other instanceof Key<?> k ? k.get() == object : this == other;
    }
  }
}

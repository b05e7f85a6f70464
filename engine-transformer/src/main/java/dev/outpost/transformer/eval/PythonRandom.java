package dev.outpost.transformer.eval;

import java.util.HashSet;
import java.util.Set;

/**
 * The numbers of Python's {@code random.Random}: the Mersenne Twister of Matsumoto and Nishimura
 * 1998, seeded by an array of the seed's 32-bit words, and {@code sample} on top.
 */
final class PythonRandom {
  private static final int N = 624;
  private static final int M = 397;
  private final int[] state = new int[N];
  private int index = N;

  PythonRandom(long seed) {
    long a = Math.abs(seed);
    int[] key = a >>> 32 == 0 ? new int[] {(int) a} : new int[] {(int) a, (int) (a >>> 32)};
    fill(19650218);
    int i = 1;
    int j = 0;
    for (int k = Math.max(N, key.length); k > 0; k--) {
      state[i] = (state[i] ^ (mixed(i) * 1664525)) + key[j] + j;
      if (++i == N) {
        state[0] = state[N - 1];
        i = 1;
      }
      if (++j == key.length) j = 0;
    }
    for (int k = N - 1; k > 0; k--) {
      state[i] = (state[i] ^ (mixed(i) * 1566083941)) - i;
      if (++i == N) {
        state[0] = state[N - 1];
        i = 1;
      }
    }
    state[0] = 0x80000000;
  }

  private void fill(int seed) {
    state[0] = seed;
    for (int i = 1; i < N; i++) state[i] = 1812433253 * mixed(i) + i;
  }

  private int mixed(int i) {
    return state[i - 1] ^ (state[i - 1] >>> 30);
  }

  private int next() {
    if (index == N) twist();
    int y = state[index++];
    y ^= y >>> 11;
    y ^= (y << 7) & 0x9d2c5680;
    y ^= (y << 15) & 0xefc60000;
    return y ^ (y >>> 18);
  }

  private void twist() {
    for (int i = 0; i < N; i++) {
      int y = (state[i] & 0x80000000) | (state[(i + 1) % N] & 0x7fffffff);
      state[i] = state[(i + M) % N] ^ (y >>> 1) ^ ((y & 1) == 0 ? 0 : 0x9908b0df);
    }
    index = 0;
  }

  /** A number below {@code n} > 0. */
  int below(int n) {
    int bits = 32 - Integer.numberOfLeadingZeros(n);
    int r = next() >>> (32 - bits);
    while (r >= n || r < 0) r = next() >>> (32 - bits);
    return r;
  }

  /** {@code k} different indices below {@code n}, in the order drawn. */
  int[] sample(int n, int k) {
    int[] out = new int[k];
    int small = 21;
    if (k > 5) small += (int) Math.pow(4, Math.ceil(Math.log(k * 3) / Math.log(4)));
    if (n <= small) {
      int[] pool = new int[n];
      for (int i = 0; i < n; i++) pool[i] = i;
      for (int i = 0; i < k; i++) {
        int j = below(n - i);
        out[i] = pool[j];
        pool[j] = pool[n - i - 1];
      }
      return out;
    }
    Set<Integer> taken = new HashSet<>();
    for (int i = 0; i < k; i++) {
      int j = below(n);
      while (!taken.add(j)) j = below(n);
      out[i] = j;
    }
    return out;
  }
}

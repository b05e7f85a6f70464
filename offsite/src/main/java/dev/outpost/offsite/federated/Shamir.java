package dev.outpost.offsite.federated;

import java.security.SecureRandom;
import java.util.Map;
import java.util.TreeMap;

/**
 * A secret in n shares, of which any t give it back and fewer say nothing (Shamir 1979), byte by
 * byte over GF(2⁸).
 */
final class Shamir {
  private Shamir() {}

  /** Shares at 1 … n, each as long as the secret. */
  static Map<Integer, byte[]> split(byte[] secret, int n, int t, SecureRandom random) {
    if (t < 1 || t > n || n > 255)
      throw new IllegalArgumentException(
          "shares: needs 1 ≤ t ≤ n ≤ 255, got t = " + t + ", n = " + n);
    byte[][] coefficients = new byte[t][secret.length];
    coefficients[0] = secret.clone();
    for (int d = 1; d < t; d++) random.nextBytes(coefficients[d]);
    Map<Integer, byte[]> shares = new TreeMap<>();
    for (int x = 1; x <= n; x++) {
      byte[] share = new byte[secret.length];
      for (int i = 0; i < share.length; i++) {
        int y = 0;
        for (int d = t - 1; d >= 0; d--) y = times(y, x) ^ (coefficients[d][i] & 255);
        share[i] = (byte) y;
      }
      shares.put(x, share);
    }
    return shares;
  }

  /** The secret from exactly t shares, by Lagrange at 0; from wrong or fewer shares, noise. */
  static byte[] combine(Map<Integer, byte[]> shares) {
    byte[] secret = new byte[shares.values().iterator().next().length];
    shares.forEach((x, share) -> {
      int weight = 1;
      for (int other : shares.keySet())
        if (other != x) weight = times(weight, over(other, other ^ x));
      for (int i = 0; i < secret.length; i++) secret[i] ^= (byte) times(share[i] & 255, weight);
    });
    return secret;
  }

  /** Product in GF(2⁸) modulo x⁸ + x⁴ + x³ + x + 1. */
  static int times(int a, int b) {
    int product = 0;
    for (int bit = 0; bit < 8; bit++) {
      product ^= -(b >> bit & 1) & a;
      a = a << 1 ^ (-(a >> 7 & 1) & 0x11b);
    }
    return product;
  }

  /** a / b; b's inverse is b²⁵⁴. */
  private static int over(int a, int b) {
    int power = 1;
    for (int i = 0; i < 254; i++) power = times(power, b);
    return times(a, power);
  }
}

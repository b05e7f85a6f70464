package dev.outpost.offsite.federated;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import dev.outpost.tensor.Shape;
import dev.outpost.tensor.Tensor;
import java.security.SecureRandom;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.TreeSet;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class SecureSumTest {
  private static final int PARTIES = 6;
  private static final int THRESHOLD = 4;

  /** The same numbers in every run. */
  private static SecureRandom random(int seed) throws Exception {
    SecureRandom r = SecureRandom.getInstance("SHA1PRNG");
    r.setSeed(seed);
    return r;
  }

  /** All messages up to the masked numbers. */
  private static final class Session {
    final Map<Integer, SecureSum.Party> parties = new TreeMap<>();
    final List<SecureSum.Keys> keys;

    Session(SecureRandom r) {
      for (int id = 1; id <= PARTIES; id++) parties.put(id, new SecureSum.Party(id, THRESHOLD, r));
      keys = parties.values().stream().map(SecureSum.Party::keys).toList();
      Map<Integer, List<SecureSum.Sealed>> post = new HashMap<>();
      for (SecureSum.Party p : parties.values())
        for (SecureSum.Sealed s : p.share(keys))
          post.computeIfAbsent(s.to(), to -> new ArrayList<>()).add(s);
      parties.forEach((id, p) -> p.receive(post.get(id)));
    }

    long[] sum(Map<Integer, long[]> numbers, Set<Integer> lost, Set<Integer> silent) {
      List<SecureSum.Masked> masked = new ArrayList<>();
      Set<Integer> stayed = new TreeSet<>(parties.keySet());
      stayed.removeAll(lost);
      for (int id : stayed) masked.add(parties.get(id).mask(numbers.get(id)));
      List<SecureSum.Opened> opened = new ArrayList<>();
      for (int id : stayed) if (!silent.contains(id)) opened.add(parties.get(id).open(stayed));
      return SecureSum.sum(keys, parties.keySet(), masked, opened, THRESHOLD);
    }
  }

  private static Map<Integer, long[]> numbers(SecureRandom r, int n) {
    Map<Integer, long[]> all = new TreeMap<>();
    for (int id = 1; id <= PARTIES; id++) all.put(id, r.longs(n).map(v -> v >> 20).toArray());
    return all;
  }

  /** Nobody is lost; two are; two are, and one more falls silent before the shares are told. */
  @ParameterizedTest
  @CsvSource({"0, 0", "2, 0", "1, 1"})
  void theSumIsExactWhoeverIsLost(int lost, int silent) throws Exception {
    SecureRandom r = random(lost * 10 + silent);
    Map<Integer, long[]> numbers = numbers(r, 2500);
    Set<Integer> gone = new TreeSet<>(List.of(2, 5).subList(0, lost));
    Set<Integer> quiet = new TreeSet<>(List.of(6).subList(0, silent));
    long[] got = new Session(r).sum(numbers, gone, quiet);
    long[] want = new long[2500];
    numbers.forEach((id, v) -> {
      if (!gone.contains(id)) for (int i = 0; i < want.length; i++) want[i] += v[i];
    });
    assertThat(got).isEqualTo(want);
  }

  /**
   * Zeros under a mask: each of the 64 bits is one half of the time, within five deviations of a
   * fair coin, bytes are even by χ², and neighbours are not alike.
   */
  @Test
  void whatTheServerSeesOfOnePartyIsNoise() throws Exception {
    int n = 20_000;
    long[] seen = new Session(random(1)).parties.get(3).mask(new long[n]).numbers();
    for (int bit = 0; bit < 64; bit++) {
      int b = bit;
      long ones = java.util.Arrays.stream(seen).filter(v -> (v >>> b & 1) == 1).count();
      assertThat((double) ones).as("bit " + bit).isCloseTo(n / 2.0, within(5 * Math.sqrt(n) / 2));
    }
    int[] bytes = new int[256];
    for (long v : seen) for (int i = 0; i < 8; i++) bytes[(int) (v >>> 8 * i) & 255]++;
    double chi = 0;
    for (int c : bytes) chi += Math.pow(c - n / 32.0, 2) / (n / 32.0);
    // χ² of 255 degrees: mean 255, deviation √510.
    assertThat(chi).isCloseTo(255, within(5 * Math.sqrt(510)));
    int alike = 0;
    for (int i = 1; i < n; i++) alike += Long.bitCount(seen[i] ^ seen[i - 1]);
    assertThat((double) alike).isCloseTo(32.0 * n, within(5 * Math.sqrt(64.0 * n) / 2));
  }

  /** The view of a party with secret numbers is the view of one with zeros, shifted. */
  @Test
  void theMaskDoesNotDependOnWhatItHides() throws Exception {
    long[] secret = numbers(random(2), 100).get(1);
    long[] zero = new Session(random(1)).parties.get(3).mask(new long[100]).numbers();
    long[] seen = new Session(random(1)).parties.get(3).mask(secret).numbers();
    for (int i = 0; i < 100; i++) assertThat(seen[i] - zero[i]).isEqualTo(secret[i]);
    long[] other = new Session(random(9)).parties.get(3).mask(secret).numbers();
    assertThat(other).isNotEqualTo(seen);
  }

  @Test
  void nobodyTellsBothSecretsOfOneParty() throws Exception {
    Session s = new Session(random(4));
    SecureSum.Party p = s.parties.get(1);
    p.mask(new long[3]);
    SecureSum.Opened told = p.open(Set.of(1, 2, 3, 4));
    assertThat(told.own().keySet()).containsExactly(1, 2, 3, 4);
    assertThat(told.lost().keySet()).containsExactly(5, 6);
    assertThatThrownBy(() -> p.open(Set.of(1, 2, 5, 6)))
        .isInstanceOf(IllegalStateException.class)
        .hasMessageContaining("already");
    assertThatThrownBy(() -> s.parties.get(2).open(Set.of(1, 2, 3)))
        .isInstanceOf(IllegalStateException.class)
        .hasMessageContaining("needs 4");
  }

  @Test
  void tooFewCannotOpenTheSum() throws Exception {
    Session s = new Session(random(5));
    assertThatThrownBy(() -> s.sum(numbers(random(6), 4), Set.of(), Set.of(1, 2, 3)))
        .isInstanceOf(IllegalStateException.class)
        .hasMessageContaining("3 parties opened");
    assertThatThrownBy(
            () -> {
              SecureSum.Party p = new SecureSum.Party(1, 3, random(1));
              List<SecureSum.Keys> keys = new ArrayList<>(List.of(p.keys()));
              for (int id = 2; id <= 6; id++)
                keys.add(new SecureSum.Party(id, 3, random(id)).keys());
              p.share(keys);
            })
        .hasMessageContaining("more than half");
  }

  @Test
  void aBoxThatWasChangedIsRefused() throws Exception {
    SecureRandom r = random(7);
    List<SecureSum.Party> p = new ArrayList<>();
    for (int id = 1; id <= 3; id++) p.add(new SecureSum.Party(id, 2, r));
    List<SecureSum.Keys> keys = p.stream().map(SecureSum.Party::keys).toList();
    SecureSum.Sealed box = p.get(0).share(keys).getFirst();
    p.get(1).share(keys);
    box.box()[5] ^= 1;
    assertThatThrownBy(() -> p.get(1).receive(List.of(box)))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessageContaining("was changed on its way");
  }

  @Test
  void sharesGiveTheSecretBackAndFewerDoNot() throws Exception {
    byte[] secret = new byte[32];
    random(8).nextBytes(secret);
    Map<Integer, byte[]> shares = Shamir.split(secret, 7, 4, random(9));
    for (Set<Integer> some : List.of(Set.of(1, 2, 3, 4), Set.of(7, 5, 3, 1), Set.of(2, 4, 6, 7))) {
      Map<Integer, byte[]> few = new TreeMap<>(shares);
      few.keySet().retainAll(some);
      assertThat(Shamir.combine(few)).isEqualTo(secret);
      few.remove(few.keySet().iterator().next());
      assertThat(Shamir.combine(few)).isNotEqualTo(secret);
    }
    for (int a = 1; a < 256; a++) {
      int inverse = 0;
      for (int b = 1; b < 256; b++) if (Shamir.times(a, b) == 1) inverse++;
      assertThat(inverse).isEqualTo(1);
    }
  }

  @Test
  void anAdapterGoesThroughWholeNumbersWithinTheirStep() {
    AdapterValues a = new AdapterValues(Map.of("x", Tensor.of(Shape.of(3), 0.1f, -2.5f, 1e-8f)));
    AdapterValues b = new AdapterValues(Map.of("x", Tensor.of(Shape.of(3), 0.3f, 1.5f, 0)));
    long[] sum = FixedPoint.DEFAULT.encode(a, 3);
    long[] more = FixedPoint.DEFAULT.encode(b, 1);
    for (int i = 0; i < sum.length; i++) sum[i] += more[i];
    float[] mean = FixedPoint.DEFAULT.mean(sum, a).get("x").toArray();
    assertThat(mean[0]).isCloseTo(0.15f, within(1e-7f));
    assertThat(mean[1]).isCloseTo(-1.5f, within(1e-6f));
    for (float bad : new float[] {Float.NaN, Float.NEGATIVE_INFINITY, 1e12f})
      assertThatThrownBy(() ->
              FixedPoint.DEFAULT.encode(
                  new AdapterValues(Map.of("x", Tensor.of(Shape.of(1), bad))), 1))
          .hasMessageContaining("x holds " + bad);
  }
}

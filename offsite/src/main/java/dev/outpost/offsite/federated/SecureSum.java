package dev.outpost.offsite.federated;

import java.security.GeneralSecurityException;
import java.security.KeyFactory;
import java.security.KeyPair;
import java.security.KeyPairGenerator;
import java.security.PublicKey;
import java.security.SecureRandom;
import java.security.interfaces.XECPrivateKey;
import java.security.spec.NamedParameterSpec;
import java.security.spec.X509EncodedKeySpec;
import java.security.spec.XECPrivateKeySpec;
import java.util.ArrayList;
import java.util.Collections;
import java.util.HashMap;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.TreeSet;
import javax.crypto.Cipher;
import javax.crypto.KDF;
import javax.crypto.KeyAgreement;
import javax.crypto.SecretKey;
import javax.crypto.spec.GCMParameterSpec;
import javax.crypto.spec.HKDFParameterSpec;
import javax.crypto.spec.IvParameterSpec;
import javax.crypto.spec.SecretKeySpec;

/**
 * Sums that nobody sees the parts of (Bonawitz et al. 2017): each party adds a mask shared with
 * each other party, which cancel in the sum, and one of its own. Any {@code threshold} parties can
 * take off the masks of those that stayed and of those that were lost, never both of one party.
 *
 * <p>Four messages: {@link Keys} and {@link Sealed} shares to all, {@link Masked} numbers, {@link
 * Opened} shares. It protects against a server that reads and keeps to the protocol, and against
 * fewer than {@code threshold} parties that tell each other all. The server carries the keys: one
 * that exchanges them can read; sign them with the parties' certificates where it may not be
 * trusted that far. Numbers are added modulo 2⁶⁴.
 */
public final class SecureSum {
  private static final int SECRET = 32;

  private SecureSum() {}

  /** A party's two public keys: for shares, and for masks. */
  public record Keys(int party, byte[] sealing, byte[] masking) {}

  /** One party's two shares for another, readable by that one only. */
  public record Sealed(int from, int to, byte[] box) {}

  /** A party's numbers under masks. */
  public record Masked(int party, long[] numbers) {}

  /**
   * What a party tells once it knows who stayed: its shares of the own masks of those that stayed,
   * and of the mask keys of those that were lost.
   */
  public record Opened(int party, Map<Integer, byte[]> own, Map<Integer, byte[]> lost) {}

  /** A party; made anew for every sum. */
  public static final class Party {
    private final int id;
    private final int threshold;
    private final SecureRandom random;
    private final KeyPair sealing;
    private final KeyPair masking;
    private final byte[] own = new byte[SECRET];
    private final Map<Integer, Keys> others = new TreeMap<>();
    private final Map<Integer, byte[][]> held = new HashMap<>();
    private boolean opened;

    /**
     * A party with fresh keys.
     *
     * @param id from 1, distinct
     * @param threshold parties needed to open the sum; more than half of all
     */
    public Party(int id, int threshold, SecureRandom random) {
      this.id = id;
      this.threshold = threshold;
      this.random = random;
      this.sealing = pair(random);
      this.masking = pair(random);
      random.nextBytes(own);
    }

    /** First message. */
    public Keys keys() {
      return new Keys(id, sealing.getPublic().getEncoded(), masking.getPublic().getEncoded());
    }

    /** Second messages: shares of both secrets for every party, this one's kept. */
    public List<Sealed> share(List<Keys> all) {
      for (Keys k : all)
        if (others.put(k.party(), k) != null)
          throw new IllegalArgumentException("secure sum: two parties are called " + k.party());
      if (!others.containsKey(id))
        throw new IllegalArgumentException("secure sum: party " + id + " is not among the keys");
      if (threshold <= all.size() / 2 || threshold > all.size())
        throw new IllegalArgumentException(
            "secure sum: threshold must be more than half of "
                + all.size()
                + " parties, got "
                + threshold);
      Map<Integer, byte[]> ofOwn = Shamir.split(own, all.size(), threshold, random);
      Map<Integer, byte[]> ofKey = Shamir.split(scalar(masking), all.size(), threshold, random);
      List<Sealed> boxes = new ArrayList<>();
      int x = 0;
      for (int to : others.keySet()) {
        x++;
        byte[][] shares = {ofOwn.get(x), ofKey.get(x)};
        if (to == id) held.put(id, shares);
        else boxes.add(new Sealed(id, to, seal(to, shares)));
      }
      return boxes;
    }

    /** Takes the shares that others sealed for this party. */
    public void receive(List<Sealed> boxes) {
      for (Sealed b : boxes) {
        if (b.to() != id || !others.containsKey(b.from()))
          throw new IllegalArgumentException(
              "secure sum: a box from " + b.from() + " to " + b.to() + " came to party " + id);
        held.put(b.from(), open(b));
      }
    }

    /**
     * Third message: the numbers under masks, with every party whose shares this one holds.
     *
     * @throws IllegalStateException when fewer than the threshold take part
     */
    public Masked mask(long[] numbers) {
      if (held.size() < threshold)
        throw new IllegalStateException(
            "secure sum: only " + held.size() + " parties take part, needs " + threshold);
      long[] out = numbers.clone();
      add(out, own, 1);
      for (int other : held.keySet())
        if (other != id)
          add(out, agree(masking, keysOf(others, other).masking(), "mask"), id < other ? 1 : -1);
      return new Masked(id, out);
    }

    /**
     * Last message, told once: shares of those that stayed and of those that were lost.
     *
     * @throws IllegalStateException when asked twice, or so that one party's both secrets would be
     *     told, or for fewer than the threshold
     */
    public Opened open(Set<Integer> stayed) {
      if (opened) throw new IllegalStateException("secure sum: shares were told already");
      if (stayed.size() < threshold || !held.keySet().containsAll(stayed))
        throw new IllegalStateException(
            "secure sum: "
                + stayed
                + " stayed of "
                + new TreeSet<>(held.keySet())
                + "; needs "
                + threshold);
      opened = true;
      Map<Integer, byte[]> ofOwn = new TreeMap<>();
      Map<Integer, byte[]> lost = new TreeMap<>();
      held.forEach((party, shares) ->
          (stayed.contains(party) ? ofOwn : lost)
              .put(party, shares[stayed.contains(party) ? 0 : 1]));
      return new Opened(id, ofOwn, lost);
    }

    private byte[] seal(int to, byte[][] shares) {
      byte[] plain = new byte[2 * SECRET];
      System.arraycopy(shares[0], 0, plain, 0, SECRET);
      System.arraycopy(shares[1], 0, plain, SECRET, SECRET);
      return box(
          Cipher.ENCRYPT_MODE, id, to, agree(sealing, keysOf(others, to).sealing(), "seal"), plain);
    }

    private byte[][] open(Sealed b) {
      byte[] key = agree(sealing, keysOf(others, b.from()).sealing(), "seal");
      byte[] plain = box(Cipher.DECRYPT_MODE, b.from(), id, key, b.box());
      if (plain.length != 2 * SECRET)
        throw new IllegalArgumentException(
            "secure sum: the box from " + b.from() + " holds " + plain.length + " bytes");
      return new byte[][] {
        java.util.Arrays.copyOf(plain, SECRET),
        java.util.Arrays.copyOfRange(plain, SECRET, 2 * SECRET)
      };
    }
  }

  /**
   * The server's part: the sum of the masked numbers without the masks.
   *
   * @param keys all first messages
   * @param held parties whose shares were dealt, those that later were lost included
   * @param masked numbers of those that stayed
   * @param opened last messages of at least {@code threshold} of them
   */
  public static long[] sum(
      List<Keys> keys, Set<Integer> held, List<Masked> masked, List<Opened> opened, int threshold) {
    Map<Integer, Keys> byParty = new LinkedHashMap<>();
    keys.stream()
        .sorted((a, b) -> Integer.compare(a.party(), b.party()))
        .forEach(k -> byParty.put(k.party(), k));
    List<Integer> order = new ArrayList<>(byParty.keySet());
    Set<Integer> stayed = new TreeSet<>();
    long[] sum = new long[masked.getFirst().numbers().length];
    for (Masked m : masked) {
      if (!stayed.add(m.party()) || m.numbers().length != sum.length)
        throw new IllegalArgumentException(
            "secure sum: party " + m.party() + " sent twice, or other numbers than the rest");
      for (int i = 0; i < sum.length; i++) sum[i] += m.numbers()[i];
    }
    if (opened.size() < threshold)
      throw new IllegalStateException(
          "secure sum: " + opened.size() + " parties opened their shares, needs " + threshold);
    List<Opened> enough = opened.subList(0, threshold);
    for (int party : stayed) add(sum, recovered(enough, party, true, order), -1);
    Set<Integer> gone = new HashSet<>(held);
    gone.removeAll(stayed);
    for (int party : gone) {
      KeyPair lost = pair(recovered(enough, party, false, order), keysOf(byParty, party));
      for (int other : stayed) {
        // What the others added for the lost one: their sign is the opposite of its own.
        byte[] seed = agree(lost, keysOf(byParty, other).masking(), "mask");
        add(sum, seed, party < other ? 1 : -1);
      }
    }
    return sum;
  }

  private static Keys keysOf(Map<Integer, Keys> all, int party) {
    Keys keys = all.get(party);
    if (keys == null) throw new IllegalArgumentException("secure sum: no keys of party " + party);
    return keys;
  }

  private static byte[] recovered(
      List<Opened> opened, int party, boolean own, List<Integer> order) {
    Map<Integer, byte[]> shares = new TreeMap<>();
    for (Opened o : opened) {
      byte[] share = (own ? o.own() : o.lost()).get(party);
      if (share == null || share.length != SECRET)
        throw new IllegalArgumentException(
            "secure sum: party " + o.party() + " told no share of party " + party);
      shares.put(Collections.binarySearch(order, o.party()) + 1, share);
    }
    return Shamir.combine(shares);
  }

  /** Adds sign · (stream of the seed). */
  private static void add(long[] to, byte[] seed, int sign) {
    try {
      Cipher stream = Cipher.getInstance("AES/CTR/NoPadding");
      stream.init(
          Cipher.ENCRYPT_MODE, new SecretKeySpec(seed, "AES"), new IvParameterSpec(new byte[16]));
      byte[] zeros = new byte[8192];
      for (int from = 0; from < to.length; from += 1024) {
        java.nio.ByteBuffer bytes = java.nio.ByteBuffer.wrap(stream.update(zeros));
        for (int i = from; i < Math.min(to.length, from + 1024); i++)
          to[i] += sign * bytes.getLong();
      }
    } catch (GeneralSecurityException e) {
      throw new IllegalStateException("secure sum: AES in counter mode", e);
    }
  }

  /** A key that two parties share and nobody else, for one purpose. */
  private static byte[] agree(KeyPair mine, byte[] theirs, String purpose) {
    try {
      PublicKey other =
          KeyFactory.getInstance("X25519").generatePublic(new X509EncodedKeySpec(theirs));
      KeyAgreement agreement = KeyAgreement.getInstance("X25519");
      agreement.init(mine.getPrivate());
      agreement.doPhase(other, true);
      SecretKey key =
          KDF.getInstance("HKDF-SHA256")
              .deriveKey(
                  "AES",
                  HKDFParameterSpec.ofExtract()
                      .addIKM(agreement.generateSecret())
                      .thenExpand(
                          ("outpost " + purpose).getBytes(java.nio.charset.StandardCharsets.UTF_8),
                          SECRET));
      return key.getEncoded();
    } catch (GeneralSecurityException e) {
      throw new IllegalArgumentException("secure sum: a party's key is no X25519 key", e);
    }
  }

  /** Each key seals two boxes at most, one each way: the nonce is the direction. */
  private static byte[] box(int mode, int from, int to, byte[] key, byte[] content) {
    try {
      Cipher cipher = Cipher.getInstance("AES/GCM/NoPadding");
      byte[] nonce = java.nio.ByteBuffer.allocate(12).putInt(from).putInt(to).putInt(0).array();
      cipher.init(mode, new SecretKeySpec(key, "AES"), new GCMParameterSpec(128, nonce));
      return cipher.doFinal(content);
    } catch (GeneralSecurityException e) {
      throw new IllegalArgumentException(
          "secure sum: the box from " + from + " to " + to + " was changed on its way", e);
    }
  }

  private static KeyPair pair(SecureRandom random) {
    try {
      KeyPairGenerator generator = KeyPairGenerator.getInstance("X25519");
      generator.initialize(NamedParameterSpec.X25519, random);
      return generator.generateKeyPair();
    } catch (GeneralSecurityException e) {
      throw new IllegalStateException("every Java platform has X25519", e);
    }
  }

  private static KeyPair pair(byte[] scalar, Keys keys) {
    try {
      KeyFactory factory = KeyFactory.getInstance("X25519");
      return new KeyPair(
          factory.generatePublic(new X509EncodedKeySpec(keys.masking())),
          factory.generatePrivate(new XECPrivateKeySpec(NamedParameterSpec.X25519, scalar)));
    } catch (GeneralSecurityException e) {
      throw new IllegalArgumentException(
          "secure sum: the shares of party " + keys.party() + "'s key do not fit together", e);
    }
  }

  private static byte[] scalar(KeyPair pair) {
    return ((XECPrivateKey) pair.getPrivate())
        .getScalar()
        .orElseThrow(() -> new IllegalStateException("secure sum: the key hides its number"));
  }
}

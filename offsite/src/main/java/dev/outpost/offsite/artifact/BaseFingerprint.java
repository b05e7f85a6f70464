package dev.outpost.offsite.artifact;

import dev.outpost.tensor.weight.HeapWeight;
import dev.outpost.tensor.weight.MappedWeight;
import dev.outpost.tensor.weight.Weight;
import dev.outpost.transformer.TransformerModel;
import dev.outpost.transformer.module.Parameter;
import java.lang.foreign.MemorySegment;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.security.MessageDigest;
import java.util.Map;
import java.util.TreeMap;

/**
 * SHA-256 over a model's parameters: for each, in order of name, {@code name \0 dtype \0 shape \0}
 * and its bytes as stored. Two models with one fingerprint hold the same numbers. The converse does
 * not hold: a GGUF file has a Llama's query and key rows in another order than a Hugging Face
 * folder, so package and plug-in must come from the same of the two.
 *
 * @param sha256 64 hexadecimal digits
 */
public record BaseFingerprint(String sha256) {
  private static final int CHUNK = 1 << 20;

  public BaseFingerprint {
    if (!sha256.matches("[0-9a-f]{64}"))
      throw new IllegalArgumentException(
          "fingerprint: must be 64 hexadecimal digits, got " + sha256);
  }

  /** Reads every byte of the model once. */
  public static BaseFingerprint of(TransformerModel model) {
    Map<String, Parameter> byName = new TreeMap<>(model.parameters());
    MessageDigest digest = Digest.sha256();
    byName.forEach((name, p) -> {
      Weight w = p.weight();
      digest.update(
          (name + "\0" + w.dtype() + "\0" + w.shape() + "\0").getBytes(StandardCharsets.UTF_8));
      switch (w) {
        case MappedWeight m -> update(digest, m.segment());
        case HeapWeight h -> update(digest, h);
      }
    });
    return new BaseFingerprint(Digest.hex(digest));
  }

  private static void update(MessageDigest digest, MemorySegment segment) {
    for (long at = 0; at < segment.byteSize(); at += CHUNK)
      digest.update(segment.asSlice(at, Math.min(CHUNK, segment.byteSize() - at)).asByteBuffer());
  }

  private static void update(MessageDigest digest, HeapWeight w) {
    ByteBuffer bytes = ByteBuffer.allocate(CHUNK).order(ByteOrder.LITTLE_ENDIAN);
    int size = w.tensor().size();
    for (int from = 0; from < size; from += CHUNK / 4) {
      int n = Math.min(CHUNK / 4, size - from);
      bytes.clear();
      bytes.asFloatBuffer().put(w.tensor().data(), w.tensor().offset() + from, n);
      digest.update(bytes.limit(n * 4));
    }
  }

  /** The first 12 digits, for people. */
  public String brief() {
    return sha256.substring(0, 12);
  }

  @Override
  public String toString() {
    return sha256;
  }
}

package dev.outpost.offsite.report;

import dev.outpost.offsite.emulator.Rejoined;
import dev.outpost.tensor.Tensor;
import dev.outpost.tensor.io.JsonObject;
import dev.outpost.tensor.kernel.Kernels;
import dev.outpost.transformer.TransformerModel;
import dev.outpost.transformer.module.Parameter;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.HexFormat;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Set;

/**
 * What of the owner's numbers stands in the package, tensor by tensor of the full model.
 *
 * @param tensors in the full model's order
 */
public record WeightsShipped(List<Shipped> tensors) {
  /** bf16 keeps eight bits: what is nearer than this is the same number, rounded. */
  private static final double ROUNDING = 1.0 / 256;

  /** In which form a tensor is there. */
  public enum Form {
    /** Every number as it was, under whatever name. */
    VERBATIM,
    /** Under its name and so near that only its storage was changed. */
    ROUNDED,
    /** Under its name, or as the product of factors or in parts, with other numbers. */
    CHANGED,
    /** No tensor of its name and shape: dropped, or cut in width. */
    ABSENT
  }

  /**
   * One tensor of the full model.
   *
   * @param name in the full model
   * @param parameters how many numbers
   * @param squares sum of their squares, the tensor's energy
   * @param form how it is there
   * @param relativeError ‖W − Ŵ‖/‖W‖; 1 where absent
   */
  public record Shipped(
      String name, long parameters, double squares, Form form, double relativeError) {}

  public WeightsShipped {
    tensors = List.copyOf(tensors);
  }

  /**
   * Compares; both models may be mapped. Factors count as their product, which is computed, and
   * parts of a fused matrix as that matrix.
   */
  public static WeightsShipped of(
      TransformerModel full, TransformerModel emulated, Kernels kernels) {
    Map<String, Parameter> there = Rejoined.of(full, emulated, kernels).parameters();
    Set<String> values = new HashSet<>();
    there.forEach((name, p) -> values.add(digest(p.weight().toTensor())));
    List<Shipped> all = new ArrayList<>();
    full.parameters()
        .forEach((name, p) -> {
          Tensor was = p.weight().toTensor();
          Parameter same = there.get(name);
          boolean verbatim = values.contains(digest(was));
          boolean absent = same == null || !same.shape().equals(p.shape());
          double error =
              verbatim
                  ? 0
                  : same == null || absent ? 1 : relativeError(was, same.weight().toTensor());
          Form form =
              verbatim
                  ? Form.VERBATIM
                  : absent ? Form.ABSENT : error < ROUNDING ? Form.ROUNDED : Form.CHANGED;
          all.add(new Shipped(name, was.size(), squares(was), form, error));
        });
    return new WeightsShipped(all);
  }

  private static double squares(Tensor t) {
    double sum = 0;
    for (int i = 0; i < t.size(); i++) sum += (double) t.get(i) * t.get(i);
    return sum;
  }

  private static double relativeError(Tensor was, Tensor is) {
    double squares = 0;
    for (int i = 0; i < was.size(); i++) {
      double d = (double) was.get(i) - is.get(i);
      squares += d * d;
    }
    double norm = squares(was);
    return norm == 0 ? (squares == 0 ? 0 : 1) : Math.sqrt(squares / norm);
  }

  private static String digest(Tensor t) {
    try {
      MessageDigest sha = MessageDigest.getInstance("SHA-256");
      sha.update(t.shape().toString().getBytes(StandardCharsets.UTF_8));
      ByteBuffer bytes = ByteBuffer.allocate(1 << 14);
      for (int i = 0; i < t.size(); i++) {
        if (!bytes.hasRemaining()) {
          sha.update(bytes.flip());
          bytes.clear();
        }
        bytes.putFloat(t.get(i));
      }
      sha.update(bytes.flip());
      return HexFormat.of().formatHex(sha.digest());
    } catch (NoSuchAlgorithmException e) {
      throw new IllegalStateException("every Java platform has SHA-256", e);
    }
  }

  /** Numbers in this form, as a share of all. */
  public double share(Form form) {
    double some = 0;
    double all = 0;
    for (Shipped t : tensors) {
      all += t.parameters;
      if (t.form == form) some += t.parameters;
    }
    return some / all;
  }

  /** {@code 1 − Σ‖W − Ŵ‖² / Σ‖W‖²}: 1 when all is there, 0 when nothing is. */
  public double energyKept() {
    double lost = 0;
    double all = 0;
    for (Shipped t : tensors) {
      all += t.squares;
      lost += t.squares * t.relativeError * t.relativeError;
    }
    return 1 - lost / all;
  }

  /** Shares, energy, and each tensor. */
  public JsonObject toJson() {
    JsonObject shares = JsonObject.create();
    for (Form f : Form.values()) shares.put(f.name().toLowerCase(Locale.ROOT), share(f));
    return JsonObject.create()
        .put("share_of_parameters", shares)
        .put("energy_kept", energyKept())
        .put(
            "tensors",
            tensors.stream()
                .map(t ->
                    JsonObject.create()
                        .put("name", t.name)
                        .put("parameters", t.parameters)
                        .put("form", t.form.name().toLowerCase(Locale.ROOT))
                        .put("relative_error", t.relativeError))
                .toList());
  }
}

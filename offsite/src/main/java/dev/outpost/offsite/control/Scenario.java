package dev.outpost.offsite.control;

import dev.outpost.tensor.io.JsonObject;
import java.nio.charset.StandardCharsets;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.ArrayList;
import java.util.HexFormat;
import java.util.List;
import java.util.Locale;

/**
 * A federation to simulate. Sizes are counted, loss curves measured (see {@link CompressionCurve});
 * how tuning by several devices adds up is a model, ours: after a round the global adapter's loss
 * on device j's data is {@code x_j − Σ_i q_ij·(x_j − f_i(x_j))} over the devices i that took part,
 * where f_i goes {@link #stepsPerRound} steps on along the curve of i's emulator and {@code q_ij =
 * (1 − skew)·share of i's data + skew·[i = j]}. That is the weighted mean of what devices would
 * reach alone, with an absent device bringing the adapter as it was; with skew 0 all data is alike,
 * with 1 nobody's tuning helps another.
 *
 * @param name of the preset
 * @param catalogue what can be handed out
 * @param fleet how devices are drawn
 * @param channel of their links
 * @param weights of the reward
 * @param stepsPerRound local steps
 * @param skew in [0, 1]
 * @param drift share of what a better emulator gave that one step through a worse one undoes
 * @param rounds of an episode
 */
public record Scenario(
    String name,
    Catalogue catalogue,
    FleetModel fleet,
    Channel channel,
    RewardWeights weights,
    double stepsPerRound,
    double skew,
    double drift,
    int rounds) {
  private static final int LEVELS = 8;
  private static final int TOKENS_PER_STEP = 8 * 128;
  private static final int ROUNDS = 50;
  static final double SKEW = 0.3;
  static final double DRIFT = 0.05;

  public Scenario {
    if (!(stepsPerRound > 0 && skew >= 0 && skew <= 1 && drift >= 0 && drift < 1))
      throw new IllegalArgumentException(
          "scenario: needs steps above 0, skew in [0, 1], drift in [0, 1), got "
              + stepsPerRound
              + ", "
              + skew
              + ", "
              + drift);
    if (rounds < 1 || rounds > 100_000)
      throw new IllegalArgumentException("scenario: needs 1 to 100000 rounds, got " + rounds);
  }

  /**
   * A model's sizes, from which a catalogue of eight emulators follows.
   *
   * @param blocks of the full model
   * @param adapter blocks of the adapter
   * @param block parameters of one
   * @param around parameters outside of the blocks
   * @param trained parameters of the adapter that are tuned
   * @param bytesPerParameter in memory
   */
  private record Sizes(
      int blocks, int adapter, long block, long around, long trained, double bytesPerParameter) {
    // f32 on the wire; gradient and AdamW's two moments of what is tuned, f32.
    private static final int WIRE = 4;
    private static final int STATE = 12;

    Level level(int eighths, LossCurve curve) {
      int middle = blocks - adapter;
      int kept = (int) Math.round((double) middle * eighths / LEVELS);
      long held = (long) (adapter + kept) * block;
      return new Level(
          kept + " of " + middle,
          (double) kept / middle,
          kept * block * WIRE,
          trained * WIRE,
          (long) (held * bytesPerParameter) + trained * STATE,
          flops(held, trained),
          curve);
    }

    Level whole(LossCurve curve) {
      long all = blocks * block;
      return new Level(
          "whole model",
          0,
          0,
          all * WIRE,
          (long) (all * bytesPerParameter) + all * STATE,
          flops(all, all),
          curve);
    }

    /** Forward, and the gradients of activations and of what is tuned: 2 operations each. */
    private double flops(long held, long tuned) {
      return (4.0 * held + 2.0 * tuned) * TOKENS_PER_STEP;
    }

    Catalogue catalogue(CompressionCurve curve) {
      List<Level> levels = new ArrayList<>();
      for (int i = 1; i <= LEVELS; i++) levels.add(level(i, curve.at((double) i / LEVELS)));
      return new Catalogue(
          levels,
          whole(curve.whole()),
          (adapter * block + around) * WIRE,
          (long) (blocks * block * bytesPerParameter));
    }
  }

  /**
   * GPT2-XL as FedPEAT quotes it: 1475 M parameters, which are its 48 blocks without embeddings, in
   * 6.5 GB. Two blocks on each side are the adapter, LoRA of rank 8 in their projections is tuned.
   * The loss curves are those of a far smaller model, by the share of the middle that is kept.
   */
  public static Scenario gpt2Xl(CompressionCurve curve) {
    return of(
        "gpt2-xl",
        new Sizes(48, 4, 30_740_800, 82_052_800, 819_200, 6.5e9 / 1475e6),
        FleetModel.DEFAULT,
        curve);
  }

  /**
   * This project's trained base, on which the curves were measured: 12 blocks of width 192, of
   * which 2 and 2 are the adapter and tuned whole, which takes more memory than the model: so
   * devices have 2.9 to 4.8 models' worth.
   */
  public static Scenario base(CompressionCurve curve) {
    return of(
        "base",
        new Sizes(12, 4, 444_864, 835_968, 4 * 444_864, 4),
        FleetModel.DEFAULT.remembering(new FleetModel.Range(2.9, 4.8)),
        curve);
  }

  /**
   * A preset by name.
   *
   * @throws IllegalArgumentException naming those there are
   */
  public static Scenario preset(String name, CompressionCurve curve) {
    return switch (name.toLowerCase(Locale.ROOT)) {
      case "gpt2-xl" -> gpt2Xl(curve);
      case "base" -> base(curve);
      default -> throw new IllegalArgumentException("preset: must be gpt2-xl or base, got " + name);
    };
  }

  private static Scenario of(String name, Sizes sizes, FleetModel fleet, CompressionCurve curve) {
    Catalogue catalogue = sizes.catalogue(curve);
    return new Scenario(
        name,
        catalogue,
        fleet,
        Channel.URBAN,
        RewardWeights.of(delayUnit(catalogue, fleet, Channel.URBAN)),
        1,
        SKEW,
        DRIFT,
        ROUNDS);
  }

  /**
   * Seconds that a device at two thirds of the radius, unfaded, needs for all that an episode moves
   * if it holds the whole middle from the first round on.
   */
  private static double delayUnit(Catalogue catalogue, FleetModel fleet, Channel channel) {
    double watts = (fleet.watts().low() + fleet.watts().high()) / 2;
    double rate = channel.rate(watts, channel.pathGain(fleet.radius() * 2 / 3));
    Level largest = catalogue.levels().getLast();
    double bytes = catalogue.baseBytes() + largest.emulatorBytes();
    return 8 * (bytes + 2.0 * ROUNDS * largest.adapterBytes()) / rate;
  }

  /** The same with other devices. */
  public Scenario with(FleetModel other) {
    return new Scenario(
        name, catalogue, other, channel, weights, stepsPerRound, skew, drift, rounds);
  }

  /** The same with other weights. */
  public Scenario with(RewardWeights other) {
    return new Scenario(name, catalogue, fleet, channel, other, stepsPerRound, skew, drift, rounds);
  }

  /** The same with episodes of another length. */
  public Scenario lasting(int other) {
    return new Scenario(
        name, catalogue, fleet, channel, weights, stepsPerRound, skew, drift, other);
  }

  /** The preset, and a digest of everything that numbers depend on. */
  public JsonObject describe() {
    try {
      byte[] all =
          MessageDigest.getInstance("SHA-256").digest(toString().getBytes(StandardCharsets.UTF_8));
      return JsonObject.create()
          .put("preset", name)
          .put("scenario", HexFormat.of().formatHex(all, 0, 16));
    } catch (NoSuchAlgorithmException e) {
      throw new IllegalStateException("every Java platform has SHA-256", e);
    }
  }
}

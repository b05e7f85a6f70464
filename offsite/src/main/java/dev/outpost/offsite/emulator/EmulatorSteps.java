package dev.outpost.offsite.emulator;

import java.util.List;
import java.util.function.Function;
import java.util.stream.Collectors;

/** Every kind of step, by the name that recipe files and the command line use. */
public final class EmulatorSteps {
  /**
   * A kind of step.
   *
   * @param name such as {@code layer-drop}
   * @param summary what it does and its settings, in one line
   * @param reader makes one from its settings
   */
  public record Kind(String name, String summary, Function<StepSettings, EmulatorStep> reader) {}

  private static final List<Kind> ALL =
      List.of(
          new Kind(
              LayerDrop.NAME,
              "uniform layer drop (Xiao et al. 2023); keep=N blocks",
              LayerDrop::read),
          new Kind(LayerKeep.NAME, "keep chosen blocks; blocks=5+9+12", LayerKeep::read),
          new Kind(
              LayerReplace.NAME,
              "harmonizers in place of the least important blocks (ScaleOT); ranking=DIR, alpha=0.25, per=group|model, train=none|lm|hidden, ranking-sha256 to take no other",
              LayerReplace::read),
          new Kind(
              Harmonize.NAME,
              "harmonizers in place of chosen blocks; blocks=5+9, rank=64, train=lm|hidden|none, steps, lr, batch",
              Harmonize::read),
          new Kind(
              Distil.NAME,
              "train the emulator to do what the middle does (Xiao et al. 2023); lm=1, kd=30, logits=0, temperature, top, select=ppl|kd, cache, steps, lr, batch",
              Distil::read),
          new Kind(
              Crash.NAME,
              "cluster alike neighbours, keep one of each, fill the holes with copies (CRaSh, Zhang et al. 2023); clusters=N or blocks=5+9, stays=first|centre|last, share, lenders=all|middle, pooling, samples",
              Crash::read),
          new Kind(
              Realign.NAME,
              "align the emulator to the full model with its present adapter (FedBiOT, Wu et al. 2024); hidden=1, lambda=0.9, steps=50, round-steps=10, lr, batch",
              Realign::read),
          new Kind(
              RankCompress.NAME,
              "cut matrices to their largest singular values (ScaleOT, Yao et al. 2024); one of ratio=0.25, energy=0.9, rank=64, beta=0.8 (beta-keeps=share|rest); targets=attn|mlp|all, attn by default",
              RankCompress::read),
          new Kind(
              Prune.NAME,
              "magnitude pruning (Xiao et al. 2023); ratio=0.5, targets=attn|mlp|all",
              Prune::read),
          new Kind(
              QuantizeWeights.NAME,
              "fewer bits: bits=1 to 8 simulated (Xiao et al. 2023), or type=q8_0|q4_0 stored; targets=attn|mlp|all",
              QuantizeWeights::read),
          new Kind(
              Gradot.NAME,
              "keep the adapter's gradients, spoil the loss (GradOT, Yao et al. 2025); rank=0.5, channels=0.5, lambda-attn=1, lambda-mlp=1, always=0.05, units=relative|raw, budget=matrix|middle, span=1, samples=64",
              Gradot::read));

  private EmulatorSteps() {}

  /** All kinds. */
  public static List<Kind> all() {
    return ALL;
  }

  /**
   * The step that the settings describe.
   *
   * @throws IllegalArgumentException for an unknown step or setting, with what is known
   */
  public static EmulatorStep read(StepSettings settings) {
    for (Kind kind : ALL)
      if (kind.name().equals(settings.step())) {
        EmulatorStep step = kind.reader().apply(settings);
        settings.done();
        return step;
      }
    throw new IllegalArgumentException(
        "step \""
            + settings.step()
            + "\" is unknown; there are "
            + ALL.stream().map(Kind::name).collect(Collectors.joining(", ")));
  }
}

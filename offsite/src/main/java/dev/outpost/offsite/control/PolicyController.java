package dev.outpost.offsite.control;

import dev.outpost.autograd.Tape;
import dev.outpost.tensor.Shape;
import dev.outpost.tensor.Tensor;
import dev.outpost.tensor.kernel.Kernels;
import dev.outpost.tensor.memory.Workspace;

/** Decides as a trained policy finds most likely to be right. */
public final class PolicyController implements Controller {
  private final Policy policy;
  private final Features features;
  private final Kernels kernels;
  private final Branches branches;

  /**
   * @param features as the policy learned from
   * @throws IllegalArgumentException when the catalogue has another number of emulators
   */
  public PolicyController(Policy policy, Features features, Kernels kernels) {
    int levels = features.catalogue().levels().size();
    if (policy.levels() != levels)
      throw new IllegalArgumentException(
          "policy: was trained to choose among "
              + policy.levels()
              + " emulators, here are "
              + levels
              + "; train one for these");
    this.policy = policy;
    this.features = features;
    this.kernels = kernels;
    this.branches = Branches.of(Policy.branches(policy.devices(), levels));
  }

  @Override
  public String name() {
    return "adaptive";
  }

  @Override
  public Decision decide(Observation o) {
    if (o.devices().size() != policy.devices())
      throw new IllegalArgumentException(
          "policy: was trained for "
              + policy.devices()
              + " devices, here are "
              + o.devices().size()
              + "; train one for these");
    float[] x = features.of(o);
    Tape tape = Tape.evaluating(kernels, new Workspace());
    float[] prior = Policy.prior(o, policy.levels());
    Tensor logits =
        policy
            .network()
            .forward(
                tape,
                Tensor.of(Shape.of(1, x.length), x),
                Tensor.of(Shape.of(1, prior.length), prior))
            .logits()
            .value();
    return Policy.decision(branches.mode(logits.data(), logits.offset()));
  }
}

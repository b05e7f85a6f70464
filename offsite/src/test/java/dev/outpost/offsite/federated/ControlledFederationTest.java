package dev.outpost.offsite.federated;

import static org.assertj.core.api.Assertions.assertThat;

import dev.outpost.offsite.control.CompressionCurve;
import dev.outpost.offsite.control.ControlStudy;
import dev.outpost.offsite.control.Controller;
import dev.outpost.offsite.control.Decision;
import dev.outpost.offsite.control.Features;
import dev.outpost.offsite.control.FederationControl;
import dev.outpost.offsite.control.FixedController;
import dev.outpost.offsite.control.GreedyController;
import dev.outpost.offsite.control.Observation;
import dev.outpost.offsite.control.Policy;
import dev.outpost.offsite.control.PolicyController;
import dev.outpost.offsite.control.PpoSettings;
import dev.outpost.offsite.control.RandomController;
import dev.outpost.offsite.control.Scenario;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Controllers decide the rounds of a real federation. */
final class ControlledFederationTest {
  @TempDir Path dir;
  private TinyFederation federation;
  private FederationControl control;

  @BeforeEach
  void threeWards() throws Exception {
    federation = new TinyFederation(dir, TinyFederation.BOTTLENECK, TinyFederation.LOCAL);
    control =
        FederationControl.of(
            federation.plan,
            Emulators.open(federation.plan.emulators()),
            CompressionCurve.measured());
  }

  private List<RoundReport> run(String name, Controller controller) throws Exception {
    federation.director = control.director(controller);
    federation.run(name);
    try (Federation f = federation.open(name)) {
      return f.history();
    }
  }

  @Test
  void thePackagesAreACatalogueThinnestFirst() {
    assertThat(control.names()).containsExactly("half", "whole");
    assertThat(control.scenario().catalogue().level(0).kept()).isEqualTo(0.5);
    assertThat(control.scenario().catalogue().level(1).kept()).isEqualTo(1);
    assertThat(control.scenario().catalogue().level(0).emulatorBytes())
        .isLessThan(control.scenario().catalogue().level(1).emulatorBytes());
  }

  @Test
  void fixedRandomAndGreedyControlARealFederation() throws Exception {
    assertThat(run("fixed", FixedController.fitting(control.scenario().catalogue())))
        .hasSize(3)
        .allSatisfy(
            r -> assertThat(r.parties()).hasSize(3).allMatch(p -> p.emulator().equals("whole")));
    List<RoundReport> random =
        run("random", new RandomController(control.scenario().catalogue(), 5));
    assertThat(random).hasSize(3).allMatch(r -> r.updates() >= 1);
    assertThat(random.stream().mapToLong(RoundReport::updates).sum())
        .as("by lot, not everybody takes part every time")
        .isLessThan(9);
    assertThat(run("greedy", new GreedyController(control.scenario(), true))).hasSize(3);
  }

  @Test
  void aControllerSeesWhatPartiesTold() throws Exception {
    List<Observation> seen = new ArrayList<>();
    List<RoundReport> history =
        run(
            "seen",
            new Controller() {
              @Override
              public String name() {
                return "alternating";
              }

              @Override
              public Decision decide(Observation o) {
                seen.add(o);
                int level = o.round() % 2;
                return new Decision(
                    List.of(
                        new Decision.Choice(true, level),
                        new Decision.Choice(o.round() != 1, 0),
                        new Decision.Choice(true, 1)));
              }
            });
    assertThat(seen).extracting(Observation::round).containsExactly(0, 1, 2);
    Observation last = seen.getLast();
    assertThat(last.devices().get(0).exchanges()).as("half, then whole").isEqualTo(2);
    assertThat(last.devices().get(1).exchanges()).isEqualTo(1);
    assertThat(last.devices().get(1).participated()).as("left out of round 2").isFalse();
    assertThat(last.devices().get(2).participated()).isTrue();
    assertThat(last.devices().get(2).loss()).isEqualTo(history.get(1).parties().get(1).lossAfter());
    assertThat(last.devices().get(2).samples())
        .isEqualTo(TinyFederation.data("ward-c").of(null).train().count());
    assertThat(seen.getFirst().devices()).allMatch(d -> Double.isNaN(d.loss()));
  }

  /** A policy learns on this federation's own packages and then decides its rounds. */
  @Test
  void aPolicyTrainedForThePlanControlsIt() throws Exception {
    Scenario own = control.scenario();
    ControlStudy study =
        new ControlStudy(
            own.with(own.fleet().of(3)),
            PpoSettings.DEFAULT.lasting(2),
            List.of(1L),
            dir.resolve("study"),
            TinyFederation.KERNELS);
    assertThat(study.train((seed, of, report) -> true)).isTrue();
    Policy policy = Policy.read(dir.resolve("study/seed-1/policy.safetensors"));
    assertThat(policy.devices()).isEqualTo(3);
    assertThat(policy.levels()).isEqualTo(2);
    Features features = new Features(own.catalogue(), own.weights().delayUnit());
    assertThat(run("policy", new PolicyController(policy, features, TinyFederation.KERNELS)))
        .hasSize(3)
        .allMatch(r -> r.updates() >= 1);
  }
}

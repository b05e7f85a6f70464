package dev.outpost.offsite.control;

import dev.outpost.offsite.artifact.OffsitePackage;
import dev.outpost.offsite.federated.Director;
import dev.outpost.offsite.federated.Emulators;
import dev.outpost.offsite.federated.FederationPlan;
import dev.outpost.offsite.federated.LocalTuning;
import dev.outpost.offsite.federated.RoundReport;
import dev.outpost.transformer.Slot;
import java.io.IOException;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.SortedMap;
import java.util.TreeMap;

/**
 * A real federation as a controller sees it: its packages as a catalogue, its rounds so far as an
 * observation, a decision as who takes part with which package. Losses, samples, taking part and
 * exchanges are what parties told; memory and links are what the plan says of them.
 *
 * @param plan who takes part
 * @param names of the emulators, thinnest first
 * @param scenario what a controller reckons with; sizes are the packages' own
 */
public record FederationControl(FederationPlan plan, List<String> names, Scenario scenario) {
  private static final int STATE = 12;
  private static final int ACTIVATIONS = 2;

  /**
   * Of a plan's packages.
   *
   * @param curve what tuning through an emulator is expected to bring, by the share it keeps
   */
  public static FederationControl of(
      FederationPlan plan, Emulators emulators, CompressionCurve curve) throws IOException {
    record Named(String name, Level level) {}
    List<Named> all = new ArrayList<>();
    long base = 0;
    long whole = 1;
    for (String name : emulators.folders().keySet()) {
      try (OffsitePackage p = OffsitePackage.open(emulators.folder(name))) {
        long adapter = LocalTuning.start(p, plan.method(), 0).count();
        Set<String> tuned = new HashSet<>(p.adapterSlots());
        int middle = 0;
        for (Slot s : p.model().slots()) if (!tuned.contains(s.name())) middle++;
        int full = p.model().spec().layers() - (p.model().slots().size() - middle);
        double kept = full == 0 ? 1 : Math.min(1, (double) middle / full);
        long bytes = emulators.bytes(name);
        long perBlock = bytes / Math.max(1, p.model().slots().size());
        long emulator = perBlock * middle;
        base = Math.max(base, bytes - emulator);
        whole = Math.max(whole, bytes + perBlock * (full - middle));
        Level level =
            new Level(
                name,
                kept,
                emulator,
                4 * adapter,
                ACTIVATIONS * bytes + STATE * adapter,
                0,
                curve.at(kept));
        all.add(new Named(name, level));
      }
    }
    all.sort(
        Comparator.comparingLong((Named n) -> n.level().memoryBytes()).thenComparing(Named::name));
    List<Level> levels = all.stream().map(Named::level).toList();
    Level most = levels.getLast();
    Catalogue catalogue = new Catalogue(levels, most, base, whole);
    // A link of ten megabits that fetches everything and sends every round: one unit of delay.
    double unit =
        8.0
            * (base + most.emulatorBytes() + 2.0 * plan.rounds() * most.adapterBytes())
            / FederationPlan.Client.USUAL_BITS;
    Scenario scenario =
        new Scenario(
            plan.name(),
            catalogue,
            FleetModel.DEFAULT,
            Channel.URBAN,
            RewardWeights.of(unit),
            plan.local().steps(),
            Scenario.SKEW,
            Scenario.DRIFT,
            plan.rounds());
    return new FederationControl(plan, all.stream().map(Named::name).toList(), scenario);
  }

  /** What is known before a round. */
  public Observation observe(int round, List<RoundReport> history) {
    List<Observation.Device> devices = new ArrayList<>();
    for (Map.Entry<String, FederationPlan.Client> e : plan.clients().entrySet())
      devices.add(device(e.getKey(), e.getValue(), history));
    return new Observation(round - 1, plan.rounds(), devices);
  }

  private Observation.Device device(
      String name, FederationPlan.Client client, List<RoundReport> history) {
    long samples = 1;
    double loss = Double.NaN;
    boolean participated = false;
    int exchanges = 0;
    int holding = Observation.NONE;
    for (RoundReport r : history) {
      participated = false;
      for (RoundReport.Party p : r.parties()) {
        if (!p.client().equals(name)) continue;
        int level = names.indexOf(p.emulator());
        if (level != holding) exchanges++;
        holding = level;
        participated = p.updated();
        if (p.samples() > 0) samples = p.samples();
        if (Double.isFinite(p.lossAfter())) loss = p.lossAfter();
      }
    }
    long used =
        participated && holding >= 0 ? scenario.catalogue().level(holding).memoryBytes() : 0;
    return new Observation.Device(
        samples,
        client.memoryBytes(),
        used,
        loss,
        participated,
        client.bitsPerSecond(),
        exchanges,
        holding);
  }

  /**
   * Rounds as a controller decides. A round that it would leave empty is of the device with the
   * best link, for a federation has no empty rounds.
   */
  public Director director(Controller controller) {
    return (round, history) -> {
      Observation o = observe(round, history);
      List<Decision.Choice> choices = controller.decide(o).devices();
      List<String> clients = List.copyOf(plan.clients().keySet());
      SortedMap<String, String> chosen = new TreeMap<>();
      int best = 0;
      for (int i = 0; i < clients.size(); i++) {
        Decision.Choice c = choices.get(i);
        int level = Math.min(c.level(), names.size() - 1);
        if (c.selected()) chosen.put(clients.get(i), names.get(level));
        if (o.devices().get(i).bitsPerSecond() > o.devices().get(best).bitsPerSecond()) best = i;
      }
      if (chosen.isEmpty()) {
        int level = Math.min(choices.get(best).level(), names.size() - 1);
        chosen.put(clients.get(best), names.get(level));
      }
      return chosen;
    };
  }
}

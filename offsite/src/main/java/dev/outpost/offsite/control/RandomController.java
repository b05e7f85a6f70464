package dev.outpost.offsite.control;

import dev.outpost.tensor.random.RandomStream;
import java.util.ArrayList;
import java.util.List;

/**
 * Every choice by lot: half of the devices, any emulator.
 *
 * @param catalogue what may be handed out
 * @param seed of the lots
 */
public record RandomController(Catalogue catalogue, long seed) implements Controller {
  @Override
  public String name() {
    return "random";
  }

  @Override
  public Decision decide(Observation o) {
    RandomStream random = RandomStream.of(seed, "control/random/" + o.round());
    List<Decision.Choice> choices = new ArrayList<>();
    for (int i = 0; i < o.devices().size(); i++)
      choices.add(
          new Decision.Choice(random.nextInt(2) == 1, random.nextInt(catalogue.levels().size())));
    return new Decision(choices);
  }
}

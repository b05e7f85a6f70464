package dev.outpost.offsite.control;

/**
 * Federated full tuning: there is no emulator, the whole model moves both ways and every block is
 * tuned, by every device in every round. FedPEAT's case w'_s = w'_c = ∅.
 *
 * @param catalogue what may be handed out
 */
public record FedFtController(Catalogue catalogue) implements Controller {
  @Override
  public String name() {
    return "Fed-FT";
  }

  @Override
  public Decision decide(Observation o) {
    return Decision.all(o.devices().size(), catalogue.wholeModel());
  }
}

package dev.outpost.offsite.control;

/**
 * Decides before each round of a federation, simulated or real. An implementation may draw random
 * numbers, but from the observation and its own seed alone, so that the same observation gets the
 * same decision.
 */
public interface Controller {
  /** Short name for tables and logs. */
  String name();

  /** A choice for every device. */
  Decision decide(Observation observation);
}

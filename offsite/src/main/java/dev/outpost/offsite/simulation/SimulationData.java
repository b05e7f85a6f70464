package dev.outpost.offsite.simulation;

import dev.outpost.transformer.train.Blocks;

/**
 * The text of a simulation, cut into rows.
 *
 * @param tokens of all rows, one after another
 * @param length tokens of a row
 * @param labels of the rows, from 0
 * @param heldBack rows of no client, measured on
 */
public record SimulationData(int[] tokens, int length, int[] labels, Blocks heldBack) {
  public SimulationData {
    if (tokens.length != (long) length * labels.length)
      throw new IllegalArgumentException(
          "simulation: "
              + tokens.length
              + " tokens are not "
              + labels.length
              + " rows of "
              + length);
  }
}

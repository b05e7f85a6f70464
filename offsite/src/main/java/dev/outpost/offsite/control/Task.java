package dev.outpost.offsite.control;

import java.util.List;

/**
 * What {@link Ppo} learns: episodes of a fixed length, states of numbers, several choices a step.
 */
public interface Task {
  /** Numbers in a state. */
  int features();

  /** Options of each decision, all of which are taken in every step. */
  List<Integer> branches();

  /** Steps of an episode. */
  int length();

  /** A new episode; the same seed and choices give the same one. */
  Episode start(long seed);

  /** An episode under way. Not thread-safe. */
  interface Episode {
    /** The state before the next step; around 1 in size. */
    float[] state();

    /**
     * What the policy starts from: added to the logits of all branches. Empty for no preference.
     */
    default float[] prior() {
      return new float[0];
    }

    /** Takes a step and tells its reward. {@code choices} has an option per branch. */
    double act(int[] choices);
  }
}

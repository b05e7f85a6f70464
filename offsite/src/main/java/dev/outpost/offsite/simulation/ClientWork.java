package dev.outpost.offsite.simulation;

import dev.outpost.offsite.federated.AdapterValues;
import org.jspecify.annotations.Nullable;

/**
 * What one simulated client does in one round.
 *
 * @param client from 0
 * @param seed of this client in this round
 * @param rows of the data that are its own
 * @param own its control variate; null without SCAFFOLD, or before its first round
 */
public record ClientWork(int client, long seed, int[] rows, @Nullable AdapterValues own) {}

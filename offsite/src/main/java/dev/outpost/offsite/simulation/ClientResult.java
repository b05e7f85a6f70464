package dev.outpost.offsite.simulation;

import dev.outpost.offsite.federated.AdapterValues;
import org.jspecify.annotations.Nullable;

/**
 * What one simulated client returns.
 *
 * @param client from 0
 * @param values the adapter as tuned there
 * @param own its next control variate; null without SCAFFOLD
 */
public record ClientResult(int client, AdapterValues values, @Nullable AdapterValues own) {}

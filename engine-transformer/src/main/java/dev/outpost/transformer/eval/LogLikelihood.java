package dev.outpost.transformer.eval;

/**
 * How likely a continuation is.
 *
 * @param value natural logarithm of its probability
 * @param greedy whether each of its tokens is the likeliest one
 * @param tokens that it has
 */
public record LogLikelihood(double value, boolean greedy, int tokens) {}

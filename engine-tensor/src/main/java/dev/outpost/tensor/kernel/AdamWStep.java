package dev.outpost.tensor.kernel;

/**
 * The numbers of one AdamW update: {@code g' = gradScale·g; m = β₁m + (1−β₁)g'; v = β₂v +
 * (1−β₂)g'²; p −= lr·weightDecay·p; p −= lr·(m/(1−β₁ᵗ)) / (√(v/(1−β₂ᵗ)) + eps)}, the order of
 * PyTorch's.
 *
 * @param step t, from 1
 * @param gradScale factor on the gradient before use (clipping)
 */
public record AdamWStep(
    float lr, float beta1, float beta2, float eps, float weightDecay, int step, float gradScale) {}

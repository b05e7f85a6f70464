package dev.outpost.tensor.kernel;

/** The element-wise functions a kernel can apply. */
public enum UnaryMap {
  /** {@code 0.5·x·(1 + tanh(√(2/π)·(x + 0.044715·x³)))}: GPT-2's {@code gelu_new}. */
  GELU_TANH,
  /** {@code 0.5·x·(1 + erf(x/√2))}. */
  GELU_ERF,
  /** {@code tanh x}. */
  TANH,
  /** {@code max(x, 0)}; the derivative at 0 is 0. */
  RELU,
  /** {@code x / (1 + e⁻ˣ)}. */
  SILU,
  /** {@code x / (1 + e^(−1.702·x))}: CLIP's {@code quick_gelu} (Hendrycks & Gimpel 2016). */
  QUICK_GELU
}

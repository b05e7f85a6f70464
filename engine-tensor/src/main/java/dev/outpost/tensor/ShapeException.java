package dev.outpost.tensor;

import java.util.Arrays;
import java.util.stream.Collectors;

/** Two shapes that do not fit, told with the operation, the rule and every shape involved. */
public final class ShapeException extends IllegalArgumentException {
  private static final long serialVersionUID = 1L;

  /**
   * @param op operation, with the parameter or file where it is known ({@code linear
   *     blocks.3.attn.qkv})
   * @param rule what must hold
   * @param got the shapes or sizes found
   */
  public ShapeException(String op, String rule, Object... got) {
    super(
        op
            + ": "
            + rule
            + ", got "
            + Arrays.stream(got).map(String::valueOf).collect(Collectors.joining(" and ")));
  }
}

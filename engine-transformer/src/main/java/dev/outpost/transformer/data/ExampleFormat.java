package dev.outpost.transformer.data;

import dev.outpost.tensor.io.FormatException;
import dev.outpost.tensor.io.JsonObject;
import org.jspecify.annotations.Nullable;

/** How a JSON object becomes an example. */
@FunctionalInterface
public interface ExampleFormat {
  /** The example; fails with the object's source, the field, the rule and the cure. */
  Example read(JsonObject object) throws FormatException;

  /**
   * The usual fields, each line by itself: {@code text}; {@code prompt} and {@code completion};
   * {@code messages}; or {@code question}, {@code choices} and {@code answer}.
   *
   * @param template for {@code messages}; null refuses them
   */
  static ExampleFormat standard(@Nullable ChatTemplate template) {
    return new StandardFormat(template);
  }
}

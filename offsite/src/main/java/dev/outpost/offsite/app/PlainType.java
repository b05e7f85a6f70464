package dev.outpost.offsite.app;

import dev.outpost.tensor.DType;
import dev.outpost.transformer.TransformerModel;
import java.util.Arrays;
import java.util.Iterator;
import java.util.Locale;
import java.util.Map;
import java.util.TreeMap;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.ITypeConverter;
import picocli.CommandLine.TypeConversionException;

/** A type that folders can store, as typed after {@code --dtype}. */
final class PlainType implements ITypeConverter<DType>, Iterable<String> {
  @Override
  public DType convert(String word) {
    return DType.plain().stream()
        .filter(t -> t.name().equals(word.toUpperCase(Locale.ROOT)))
        .findFirst()
        .orElseThrow(() ->
            new TypeConversionException(
                "must be one of "
                    + DType.plain()
                    + ", got \""
                    + word
                    + "\""
                    + (isBlocked(word) ? "; folders cannot hold the block types of GGUF" : "")));
  }

  private static boolean isBlocked(String word) {
    return Arrays.stream(DType.values())
        .anyMatch(t -> t.isBlocked() && t.name().equals(word.toUpperCase(Locale.ROOT)));
  }

  @Override
  public Iterator<String> iterator() {
    return DType.plain().stream().map(DType::name).iterator();
  }

  /** Says what becomes of weights in GGUF's block types, if there are any and no type was asked. */
  static void noteBlocks(Console console, TransformerModel model, @Nullable DType asked) {
    if (asked != null) return;
    Map<DType, Integer> tensors = new TreeMap<>();
    long[] numbers = new long[1];
    model.visit((name, p) -> {
      if (!p.weight().dtype().isBlocked()) return;
      tensors.merge(p.weight().dtype(), 1, Integer::sum);
      numbers[0] += p.shape().size();
    });
    if (!tensors.isEmpty())
      console.note(
          String.format(
              Locale.ROOT,
              "tensors per block type %s: stored as F32, the same numbers, %,d bytes; --dtype BF16"
                  + " or F16 halves that and rounds",
              tensors,
              4 * numbers[0]));
  }
}

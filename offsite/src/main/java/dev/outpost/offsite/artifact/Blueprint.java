package dev.outpost.offsite.artifact;

import dev.outpost.offsite.emulator.Harmonizer;
import dev.outpost.tensor.io.FormatException;
import dev.outpost.tensor.io.JsonObject;
import dev.outpost.tensor.weight.Weight;
import dev.outpost.transformer.Block;
import dev.outpost.transformer.Slot;
import dev.outpost.transformer.Spec;
import dev.outpost.transformer.TransformerBlock;
import dev.outpost.transformer.TransformerModel;
import dev.outpost.transformer.load.ModelFactory;
import dev.outpost.transformer.load.WeightSource;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/**
 * How an emulator's blocks differ from those its configuration describes: the manifest's field
 * {@code blocks}. A slot that is not named there is an ordinary block.
 *
 * <pre>
 * "blocks": { "blocks.5": { "kind": "harmonizer", "rank": 64 },
 *             "blocks.7": { "kind": "same", "as": "blocks.6" } }
 * </pre>
 *
 * @param kinds by slot
 */
record Blueprint(Map<String, Kind> kinds) {
  /** What a slot holds. */
  sealed interface Kind {
    JsonObject toJson();
  }

  /** A {@link Harmonizer}. */
  record Harmonized(int rank) implements Kind {
    @Override
    public JsonObject toJson() {
      return JsonObject.create().put("kind", "harmonizer").put("rank", rank);
    }
  }

  /** The very numbers of an earlier slot, stored once. */
  record Same(String as) implements Kind {
    @Override
    public JsonObject toJson() {
      return JsonObject.create().put("kind", "same").put("as", as);
    }
  }

  /** The blueprint of a model that exists. */
  static Blueprint of(TransformerModel model) {
    Map<String, Kind> kinds = new LinkedHashMap<>();
    Map<List<Identity>, String> seen = new HashMap<>();
    for (Slot s : model.slots()) {
      List<Identity> numbers = new ArrayList<>();
      s.block().visit("", (path, p) -> numbers.add(new Identity(p.weight())));
      String earlier = seen.putIfAbsent(numbers, s.name());
      if (earlier != null) kinds.put(s.name(), new Same(earlier));
      else if (s.block() instanceof Harmonizer h) kinds.put(s.name(), new Harmonized(h.rank()));
      else if (!(s.block() instanceof TransformerBlock))
        throw new IllegalArgumentException(
            "package: "
                + s.name()
                + " is a "
                + s.block().getClass().getSimpleName()
                + ", which no package can hold");
    }
    return new Blueprint(kinds);
  }

  /** A weight as itself, not as its numbers. */
  private record Identity(Weight weight) {
    @Override
    public boolean equals(@Nullable Object other) {
      return other instanceof Identity i && i.weight == weight;
    }

    @Override
    public int hashCode() {
      return System.identityHashCode(weight);
    }
  }

  /** The tensors to store: those of a repeated slot only once. */
  Map<String, Weight> tensors(TransformerModel model) {
    Map<String, Weight> tensors = new LinkedHashMap<>();
    model.visit((name, p) -> tensors.put(name, p.weight()));
    kinds.forEach((slot, kind) -> {
      if (kind instanceof Same) tensors.keySet().removeIf(name -> name.startsWith(slot + "."));
    });
    return tensors;
  }

  JsonObject toJson() {
    JsonObject json = JsonObject.create();
    kinds.forEach((slot, kind) -> json.put(slot, kind.toJson()));
    return json;
  }

  /** Reads and checks the manifest's field; a manifest without it describes ordinary blocks. */
  static Blueprint read(JsonObject manifest, List<String> slots, Spec spec) throws FormatException {
    Map<String, Kind> kinds = new LinkedHashMap<>();
    if (!manifest.has("blocks")) return new Blueprint(kinds);
    JsonObject blocks = manifest.object("blocks");
    for (String slot : blocks.names()) {
      if (!slots.contains(slot))
        throw blocks.wrong(slot, "is none of the package's slots " + slots);
      kinds.put(slot, kind(blocks.object(slot), slot, slots, spec));
    }
    for (var e : kinds.entrySet())
      if (e.getValue() instanceof Same same && kinds.get(same.as()) instanceof Same)
        throw blocks.wrong(e.getKey(), "repeats " + same.as() + ", which itself repeats another");
    return new Blueprint(kinds);
  }

  private static Kind kind(JsonObject json, String slot, List<String> slots, Spec spec)
      throws FormatException {
    String kind = json.string("kind");
    return switch (kind) {
      case "harmonizer" -> new Harmonized(json.integer("rank", 1, 16 * spec.width()));
      case "same" -> {
        String as = json.string("as");
        if (slots.indexOf(as) < 0 || slots.indexOf(as) >= slots.indexOf(slot))
          throw json.wrong("as", "must be a slot before " + slot + ", got " + as);
        yield new Same(as);
      }
      default ->
          throw json.wrong(
              "kind",
              "is \"" + kind + "\"; this Outpost knows harmonizer and same. Use a newer one");
    };
  }

  /** The model that spec, slots and this blueprint describe. */
  TransformerModel build(Spec spec, List<String> slots, WeightSource source)
      throws FormatException {
    Set<String> own = new LinkedHashSet<>(slots);
    kinds.forEach((slot, kind) -> own.remove(slot));
    TransformerModel plain = ModelFactory.build(spec, List.copyOf(own), source);
    Map<String, Block> built = new HashMap<>();
    plain.slots().forEach(s -> built.put(s.name(), s.block()));
    for (var e : kinds.entrySet())
      if (e.getValue() instanceof Harmonized h)
        built.put(e.getKey(), Harmonizer.read(e.getKey(), spec.width(), h.rank(), source));
    List<Slot> all = new ArrayList<>();
    for (String slot : slots) {
      Block block = kinds.get(slot) instanceof Same same ? built.get(same.as()) : built.get(slot);
      if (block == null) throw new IllegalStateException("package: no block for " + slot);
      all.add(new Slot(slot, block));
    }
    return plain.withSlots(all);
  }
}

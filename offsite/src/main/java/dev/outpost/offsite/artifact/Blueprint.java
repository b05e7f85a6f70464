package dev.outpost.offsite.artifact;

import dev.outpost.autograd.op.Linear;
import dev.outpost.offsite.emulator.Harmonizer;
import dev.outpost.tensor.Shape;
import dev.outpost.tensor.io.FormatException;
import dev.outpost.tensor.io.JsonObject;
import dev.outpost.tensor.weight.Weight;
import dev.outpost.transformer.Block;
import dev.outpost.transformer.Slot;
import dev.outpost.transformer.Spec;
import dev.outpost.transformer.TransformerBlock;
import dev.outpost.transformer.TransformerModel;
import dev.outpost.transformer.layer.Dense;
import dev.outpost.transformer.layer.LowRank;
import dev.outpost.transformer.layer.QueryKeyValue;
import dev.outpost.transformer.load.ModelFactory;
import dev.outpost.transformer.load.WeightSource;
import dev.outpost.transformer.module.Parameter;
import dev.outpost.transformer.module.Projection;
import dev.outpost.transformer.module.Rewriter;
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
 *             "blocks.6": { "kind": "block", "separate": ["attn"], "ranks": { "attn.q": 16 },
 *                            "width": 256 },
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

  /**
   * A transformer block that is not stored as its configuration says.
   *
   * @param separate halves, {@code attn} or {@code mlp}, whose fused input projection is apart
   * @param ranks of the projections that are {@link LowRank}, by their path in the block
   * @param width inner width of the feed-forward part, or 0 where it is the configuration's
   */
  record Reshaped(Set<String> separate, Map<String, Integer> ranks, int width) implements Kind {
    private static final String ATTN = "attn";
    private static final String MLP = "mlp";

    static Reshaped of(Slot s, TransformerBlock block, Spec spec) {
      Set<String> separate = new LinkedHashSet<>();
      if (block.attention().inputs() instanceof QueryKeyValue.Separate
          && spec.attention().inputs() != Spec.Inputs.SEPARATE) separate.add(ATTN);
      if (spec.feedForward().fused() && !block.mlp().paired()) separate.add(MLP);
      Map<String, Integer> ranks = new LinkedHashMap<>();
      block.rewrite(
          "",
          new Rewriter() {
            @Override
            public Projection projection(String path, Projection p) {
              if (p instanceof LowRank l) ranks.put(path.substring(1), l.rank());
              else if (!(p instanceof Dense))
                throw new IllegalArgumentException(
                    "package: "
                        + s.name()
                        + path
                        + " is a "
                        + p.getClass().getSimpleName()
                        + ", which no package can hold; merge it first");
              return p;
            }
          });
      int width = block.mlp().down().in();
      return new Reshaped(separate, ranks, width == spec.feedForward().width() ? 0 : width);
    }

    boolean isOrdinary() {
      return separate.isEmpty() && ranks.isEmpty() && width == 0;
    }

    Spec spec(Spec ordinary) {
      Spec inputs = separate.contains(ATTN) ? ordinary.with(Spec.Inputs.SEPARATE) : ordinary;
      Spec apart = separate.contains(MLP) ? inputs.withSeparateGate() : inputs;
      return width == 0 ? apart : apart.ofInnerWidth(width);
    }

    @Override
    public JsonObject toJson() {
      JsonObject json = JsonObject.create().put("kind", "block");
      if (!separate.isEmpty()) json.put("separate", List.copyOf(separate));
      JsonObject all = JsonObject.create();
      ranks.forEach(all::put);
      json.put("ranks", all);
      return width == 0 ? json : json.put("width", width);
    }

    static Reshaped read(JsonObject json, Spec spec) throws FormatException {
      Set<String> separate = new LinkedHashSet<>();
      for (String half : json.has("separate") ? json.strings("separate") : List.<String>of()) {
        boolean fused =
            switch (half) {
              case ATTN -> spec.attention().inputs() != Spec.Inputs.SEPARATE;
              case MLP -> spec.feedForward().fused();
              default -> false;
            };
        if (!fused)
          throw json.wrong(
              "separate", "names " + half + ", which is no half that this family stores fused");
        separate.add(half);
      }
      Map<String, Integer> ranks = new LinkedHashMap<>();
      JsonObject all = json.object("ranks");
      for (String path : all.names())
        ranks.put(path, all.integer(path, 1, Math.max(spec.width(), widest(spec))));
      int width = json.has("width") ? json.integer("width", 1, spec.feedForward().width()) : 0;
      return new Reshaped(separate, ranks, width);
    }

    private static int widest(Spec spec) {
      return Math.max(2 * spec.feedForward().width(), 3 * spec.attention().queryWidth());
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
      else if (s.block() instanceof TransformerBlock b) {
        Reshaped r = Reshaped.of(s, b, model.spec());
        if (!r.isOrdinary()) kinds.put(s.name(), r);
      } else
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
      case "block" -> Reshaped.read(json, spec);
      case "same" -> {
        String as = json.string("as");
        if (slots.indexOf(as) < 0 || slots.indexOf(as) >= slots.indexOf(slot))
          throw json.wrong("as", "must be a slot before " + slot + ", got " + as);
        yield new Same(as);
      }
      default ->
          throw json.wrong(
              "kind",
              "is \""
                  + kind
                  + "\"; this Outpost knows harmonizer, block and same. Use a newer one");
    };
  }

  /** The model that spec, slots and this blueprint describe. */
  TransformerModel build(Spec spec, List<String> slots, WeightSource source)
      throws FormatException {
    Set<String> own = new LinkedHashSet<>(slots);
    kinds.forEach((slot, kind) -> {
      if (!(kind instanceof Reshaped)) own.remove(slot);
    });
    Factors factors = new Factors(source, ranks());
    TransformerModel plain =
        ModelFactory.build(
            spec,
            List.copyOf(own),
            slot -> kinds.get(slot) instanceof Reshaped r ? r.spec(spec) : spec,
            factors);
    factors.requireAllUsed();
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

  private Map<String, Integer> ranks() {
    Map<String, Integer> all = new LinkedHashMap<>();
    kinds.forEach((slot, kind) -> {
      if (kind instanceof Reshaped r)
        r.ranks().forEach((path, rank) -> all.put(slot + "." + path, rank));
    });
    return all;
  }

  /** A source of projections some of which are two factors. */
  private record Factors(WeightSource source, Map<String, Integer> left) implements WeightSource {
    @Override
    public Parameter get(String name, Shape shape) throws FormatException {
      return source.get(name, shape);
    }

    @Override
    public Projection projection(String path, int in, int out, boolean bias, Linear.Layout layout)
        throws FormatException {
      Integer rank = left.remove(path);
      return rank == null
          ? source.projection(path, in, out, bias, layout)
          : new LowRank(
              source.get(path + LowRank.A, Shape.of(rank, in)),
              source.get(path + LowRank.B, Shape.of(rank, out)),
              bias ? source.get(path + ".bias", Shape.of(out)) : null);
    }

    void requireAllUsed() throws FormatException {
      if (!left.isEmpty())
        throw new FormatException(
            "manifest.json: field blocks: ranks name "
                + left.keySet()
                + ", which are no projections of these blocks");
    }
  }
}

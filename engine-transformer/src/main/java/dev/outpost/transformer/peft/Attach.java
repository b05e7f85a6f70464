package dev.outpost.transformer.peft;

import dev.outpost.autograd.Tape;
import dev.outpost.tensor.Tensor;
import dev.outpost.tensor.kernel.Kernels;
import dev.outpost.tensor.memory.Workspace;
import dev.outpost.tensor.random.RandomStream;
import dev.outpost.transformer.Slot;
import dev.outpost.transformer.TransformerBlock;
import dev.outpost.transformer.TransformerModel;
import dev.outpost.transformer.layer.Head;
import dev.outpost.transformer.layer.QueryKeyValue;
import dev.outpost.transformer.layer.SelfAttention;
import dev.outpost.transformer.layer.TokenEmbeddings;
import dev.outpost.transformer.module.Parameter;
import dev.outpost.transformer.module.Pass;
import dev.outpost.transformer.module.Projection;
import dev.outpost.transformer.module.Rewriter;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.TreeSet;
import java.util.function.BiPredicate;
import java.util.function.Function;

/**
 * Puts a tuning method on a model, and takes it off again, by merging or as if it had never been.
 * The model given is never changed: an attachment is there whole or an exception is.
 */
public final class Attach {
  private Attach() {}

  /** What is put on a projection; its name is the path inside the slot. */
  @FunctionalInterface
  private interface Wrapping {
    Projection wrap(String path, String name, Projection p);
  }

  /**
   * The model with exactly what the method learns trainable; everything else is frozen and shared.
   *
   * @param slots names of the slots to attach in; prompt tuning acts before the first block
   *     whichever these are. A classifier's matrix among them ({@link Head#slots}) is tuned whole
   *     by every method: it is small, and its classes are the data's own
   * @param seed of the fresh numbers
   * @throws IllegalArgumentException when slots or targets are not the model's, or something is
   *     attached in the same place already
   */
  public static TransformerModel attach(
      TransformerModel model, Set<String> slots, PeftMethod method, long seed) {
    Set<String> blocks = new LinkedHashSet<>(slots);
    blocks.removeAll(Head.slots(model.spec()));
    requireSlots(model, blocks, method);
    TransformerModel attached = attached(model, blocks, method, seed);
    Set<String> whole = new LinkedHashSet<>(slots);
    whole.removeAll(blocks);
    if (whole.isEmpty()) return attached;
    return attached.rewrite(
        new Rewriter() {
          @Override
          public Parameter parameter(String path, Parameter p) {
            return slotOf(whole, path).isPresent() ? p.trainableCopy() : p;
          }
        });
  }

  private static TransformerModel attached(
      TransformerModel model, Set<String> slots, PeftMethod method, long seed) {
    return switch (method) {
      case PeftMethod.Full f -> model.trainable(name -> slotOf(slots, name).isPresent());
      case PeftMethod.BitFit b -> vectors(model, slots);
      case LoraConfig c -> lowRank(model, slots, c, seed);
      case BottleneckConfig c -> bottleneck(model, slots, c, seed);
      case Ia3Config c -> ia3(model, slots, c);
      case PrefixConfig c -> prefix(model, slots, c, seed);
      case PromptConfig c -> prompt(model, c, seed);
    };
  }

  private static void requireSlots(TransformerModel model, Set<String> slots, PeftMethod method) {
    Set<String> unknown = new LinkedHashSet<>(slots);
    List<String> own = model.slots().stream().map(Slot::name).toList();
    own.forEach(unknown::remove);
    if (slots.isEmpty() || !unknown.isEmpty())
      throw new IllegalArgumentException(
          method.name() + ": the model has no slots " + unknown + "; it has " + own);
  }

  private static Optional<String> slotOf(Set<String> slots, String path) {
    return slots.stream().filter(s -> path.startsWith(s + ".")).findFirst();
  }

  private static TransformerModel vectors(TransformerModel model, Set<String> slots) {
    TransformerModel result =
        model.rewrite(
            new Rewriter() {
              @Override
              public Parameter parameter(String path, Parameter p) {
                boolean vector = p.shape().rank() == 1;
                return vector && slotOf(slots, path).isPresent() ? p.trainableCopy() : p.freeze();
              }
            });
    if (result.count(true) == 0)
      throw new IllegalArgumentException(
          "bitfit: the blocks " + slots + " have neither biases nor norms' weights");
    return result;
  }

  /** LoRA, or DoRA if the settings say so: {@link #attach}. */
  public static TransformerModel lora(
      TransformerModel model, Set<String> slots, LoraConfig config, long seed) {
    return attach(model, slots, config, seed);
  }

  private static TransformerModel lowRank(
      TransformerModel model, Set<String> slots, LoraConfig config, long seed) {
    Targets targets = Targets.of(config.name(), config.targets());
    TransformerModel result =
        wrapped(
            model,
            slots,
            config.name(),
            targets::match,
            (path, name, p) ->
                config.dora() ? Dora.on(p, config, path, seed) : Lora.on(p, config, path, seed));
    targets.requireMatched(LoraConfig.ALL_PROJECTIONS);
    return result;
  }

  private static TransformerModel bottleneck(
      TransformerModel model, Set<String> slots, BottleneckConfig config, long seed) {
    Targets targets = Targets.of("bottleneck", config.targets());
    TransformerModel result =
        wrapped(
            model,
            slots,
            "bottleneck",
            targets::match,
            (path, name, p) -> Bottleneck.on(p, config, path, seed));
    targets.requireMatched(List.of());
    return result;
  }

  private static TransformerModel ia3(TransformerModel model, Set<String> slots, Ia3Config config) {
    Targets outputs = Targets.of("ia3", config.outputs());
    Targets inputs = Targets.of("ia3", config.inputs());
    TransformerModel result =
        wrapped(
            model,
            slots,
            "ia3",
            (slot, name) -> {
              boolean in = inputs.match(slot, name);
              return outputs.match(slot, name) || in;
            },
            (path, name, p) -> {
              if (inputs.mean(name) && outputs.mean(name))
                throw new IllegalArgumentException(
                    "ia3: " + path + " is a target both of inputs and of outputs");
              return Ia3.on(p, inputs.mean(name));
            });
    outputs.requireMatched(Ia3Config.PAPER.outputs());
    inputs.requireMatched(List.of());
    return result;
  }

  /** Everything frozen, projections of the slots wrapped. */
  private static TransformerModel wrapped(
      TransformerModel model,
      Set<String> slots,
      String method,
      BiPredicate<String, String> target,
      Wrapping wrapping) {
    return model.rewrite(
        new Rewriter() {
          @Override
          public Parameter parameter(String path, Parameter p) {
            return p.freeze();
          }

          @Override
          public Projection projection(String path, Projection p) {
            Optional<String> slot = slotOf(slots, path);
            if (slot.isEmpty()) return p;
            String name = path.substring(slot.get().length() + 1);
            if (!target.test(slot.get(), name)) return p;
            if (p instanceof Attached a)
              throw new IllegalArgumentException(
                  method
                      + ": "
                      + path
                      + " already carries "
                      + a.title()
                      + (a instanceof Bottleneck ? "; detach it first" : "; merge it first"));
            return wrapping.wrap(path, name, p);
          }
        });
  }

  private static TransformerModel prefix(
      TransformerModel model, Set<String> slots, PrefixConfig config, long seed) {
    return withAttention(
        model.frozen(),
        slots,
        (slot, a) -> {
          if (a.inputs() instanceof QueryKeyValue.Prefixed)
            throw new IllegalArgumentException(
                "prefix: " + slot + " already carries one; detach it first");
          int wide = a.kvHeads() * a.headDim();
          String path = slot + ".attn.prefix_";
          return a.with(
              new QueryKeyValue.Prefixed(
                  a.inputs(),
                  fresh(path + "keys", config.tokens(), wide, seed),
                  fresh(path + "values", config.tokens(), wide, seed)));
        });
  }

  private static Parameter fresh(String path, int rows, int cols, long seed) {
    return Attached.trainable(Attached.normal(PrefixConfig.SPREAD, path, seed, rows, cols));
  }

  private interface OfAttention {
    SelfAttention with(String slot, SelfAttention attention);
  }

  private static TransformerModel withAttention(
      TransformerModel model, Set<String> slots, OfAttention change) {
    return model.withSlots(
        model.slots().stream()
            .map(s -> {
              if (!slots.contains(s.name())) return s;
              if (!(s.block() instanceof TransformerBlock b))
                throw new IllegalArgumentException(
                    "prefix: " + s.name() + " is no transformer block, it has no attention");
              return s.with(b.with(change.with(s.name(), b.attention())));
            })
            .toList());
  }

  private static TransformerModel prompt(TransformerModel model, PromptConfig config, long seed) {
    if (!(model.embeddings() instanceof TokenEmbeddings e))
      throw new IllegalArgumentException("prompt: a model of images reads no prompt");
    if (e.ahead() > 0)
      throw new IllegalArgumentException("prompt: the model already carries one; detach it first");
    if (model.spec().turnsAnew(1, model.spec().context()))
      throw new IllegalArgumentException(
          "prompt: the angles of this model's positions depend on the text's length, which a prompt"
              + " would change; use prefix");
    int left = model.spec().context() - config.tokens();
    if (left < 1)
      throw new IllegalArgumentException(
          "prompt: "
              + config.tokens()
              + " tokens leave nothing of the model's context of "
              + model.spec().context());
    RandomStream random = RandomStream.of(seed, "prompt");
    int[] ids = new int[config.tokens()];
    for (int i = 0; i < ids.length; i++) ids[i] = random.nextInt(model.spec().vocabularySize());
    Pass pass = Pass.of(Tape.evaluating(Kernels.scalar(), new Workspace()), 1, ids.length);
    Tensor rows = Tensor.zeros(ids.length, model.spec().width());
    rows.copyFrom(e.rows(pass, ids).value());
    TransformerModel frozen = model.frozen();
    return frozen.withEmbeddings(
        ((TokenEmbeddings) frozen.embeddings()).withPrompt(Attached.trainable(rows)));
  }

  /**
   * A plain model again where the method allows it: every update added into its projection. What no
   * projection can hold, bottlenecks, prefixes and prompts, stays attached; {@link #carried} tells.
   */
  public static TransformerModel merge(TransformerModel model, Kernels kernels) {
    return unwrapped(model, a -> a.merge(kernels));
  }

  /**
   * The model without what is attached: the base's bits. What {@link PeftMethod.Full} and {@link
   * PeftMethod.BitFit} train has no base beneath it: that is the model they were attached to.
   */
  public static TransformerModel detach(TransformerModel model) {
    Set<String> prefixed = new LinkedHashSet<>();
    for (Slot s : model.slots())
      if (s.block() instanceof TransformerBlock b
          && b.attention().inputs() instanceof QueryKeyValue.Prefixed) prefixed.add(s.name());
    TransformerModel without =
        withAttention(
            unwrapped(model, Attached::base),
            prefixed,
            (slot, a) -> a.inputs() instanceof QueryKeyValue.Prefixed p ? a.with(p.inputs()) : a);
    return without.embeddings() instanceof TokenEmbeddings e && e.ahead() > 0
        ? without.withEmbeddings(e.withPrompt(null))
        : without;
  }

  private static TransformerModel unwrapped(
      TransformerModel model, Function<Attached, Projection> with) {
    return model.rewrite(
        new Rewriter() {
          @Override
          public Projection projection(String path, Projection p) {
            return p instanceof Attached a ? with.apply(a) : p;
          }
        });
  }

  /** A parameter that an attached method brought, for a message; none in a plain model. */
  public static Optional<String> carried(TransformerModel model) {
    Set<String> plain = detach(model).parameters().keySet();
    return model.parameters().keySet().stream().filter(n -> !plain.contains(n)).findFirst();
  }

  /**
   * The one method, of {@link PeftMethod#NAMES}, whose parameters a model carries.
   *
   * @throws IllegalArgumentException when there is none, or more than one
   */
  public static String method(TransformerModel model) {
    Set<String> plain = detach(model).parameters().keySet();
    Set<String> methods = new TreeSet<>();
    for (String name : model.parameters().keySet())
      if (!plain.contains(name)) methods.add(methodOf(name));
    // DoRA is LoRA with lengths.
    if (methods.contains("dora")) methods.remove("lora");
    if (methods.size() == 1) return methods.iterator().next();
    throw new IllegalArgumentException(
        methods.isEmpty()
            ? "adapter: the model carries none"
            : "adapter: the model carries those of several methods: " + methods);
  }

  /**
   * Refuses a model that carries what the format to be written has no place for.
   *
   * @param format named in the message
   */
  public static void requirePlain(String format, TransformerModel model) {
    carried(model)
        .ifPresent(name -> {
          throw new IllegalArgumentException(
              format
                  + ": "
                  + name
                  + " is part of an attached "
                  + methodOf(name)
                  + ", which this format cannot hold; "
                  + (mergeable(name)
                      ? "merge it first"
                      : "no plain weight computes it: keep the adapter beside the model, where generate"
                          + " and evaluate take it as --adapter, or tune by a method that merges (lora,"
                          + " dora, ia3, bitfit, full)"));
        });
  }

  private static boolean mergeable(String name) {
    return Set.of("lora", "dora", "ia3").contains(methodOf(name));
  }

  private static String methodOf(String name) {
    if (name.contains(".dora_")) return "dora";
    if (name.contains(".lora_")) return "lora";
    if (name.contains(".ia3.")) return "ia3";
    if (name.contains(".bottleneck_")) return "bottleneck";
    return name.contains(".prefix_") ? "prefix" : "prompt";
  }
}

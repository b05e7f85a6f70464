package dev.outpost.transformer.load;

import dev.outpost.autograd.op.Linear;
import dev.outpost.tensor.Shape;
import dev.outpost.tensor.Tensor;
import dev.outpost.tensor.io.Checkpoint;
import dev.outpost.tensor.io.FormatException;
import dev.outpost.tensor.io.JsonObject;
import dev.outpost.tensor.weight.HeapWeight;
import dev.outpost.tensor.weight.Weight;
import dev.outpost.transformer.TransformerModel;
import dev.outpost.transformer.family.Family;
import dev.outpost.transformer.layer.TokenEmbeddings;
import dev.outpost.transformer.module.Parameter;
import dev.outpost.transformer.module.Projection;
import dev.outpost.transformer.module.Rewriter;
import dev.outpost.transformer.peft.Attach;
import dev.outpost.transformer.peft.Ia3;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/** Adapters of the {@code peft} package that are vectors, read and written: IA³ and prompts. */
final class PeftVectors {
  private static final String PREFIX = "base_model.model.";
  private static final String FACTORS = ".ia3_l";
  static final String PROMPT = "prompt_embeddings";

  private PeftVectors() {}

  /** Factors [out, 1] of a projection's results, or [1, in] of its inputs. */
  static TransformerModel ia3(
      Path file, JsonObject config, JsonObject adapter, TransformerModel model) throws IOException {
    refuseMore(adapter);
    Map<String, Weight> factors = new LinkedHashMap<>();
    try (Checkpoint c = Checkpoint.ofFile(file)) {
      NameTable names = Family.of(config).names();
      for (String name : c.names()) {
        if (!name.startsWith(PREFIX) || !name.endsWith(FACTORS))
          throw new FormatException(
              file + ": tensor " + name + " is no part of IA3; expected " + PREFIX + "…" + FACTORS);
        String module = name.substring(PREFIX.length(), name.length() - FACTORS.length());
        HeapWeight w = PeftFolder.finite(file, name, c.weight(name));
        if (w.shape().rank() != 2 || w.shape().dim(0) != 1 && w.shape().dim(1) != 1)
          throw new FormatException(
              file + ": tensor " + name + " " + w.shape() + " must be one row or one column");
        factors.put(PeftFolder.path(file, names, name, module), w);
      }
    }
    if (factors.isEmpty()) throw new FormatException(file + ": holds no IA3 tensor");
    return with(factors, model);
  }

  private static TransformerModel with(Map<String, Weight> factors, TransformerModel model) {
    List<String> reasons = new ArrayList<>();
    TransformerModel attached =
        model.rewrite(
            new Rewriter() {
              @Override
              public Projection projection(String path, Projection p) {
                Weight l = factors.remove(path);
                if (l == null) return p;
                boolean ofInput = l.shape().dim(0) == 1;
                int n = ofInput ? p.in() : p.out();
                if (l.shape().size() == n) return new Ia3(p, frozen(l, n), ofInput);
                reasons.add(
                    path + " is " + p.out() + " by " + p.in() + ", its factors " + l.shape());
                return p;
              }
            });
    if (!factors.isEmpty()) reasons.add("the model has no projections " + factors.keySet());
    if (!reasons.isEmpty())
      throw new IllegalArgumentException(
          "ia3: does not fit this model: " + String.join("; ", reasons));
    return attached;
  }

  private static Parameter frozen(Weight l, int n) {
    return Parameter.frozen(HeapWeight.of(l.toTensor().reshape(n)));
  }

  /** Rows [P, C] before the embedded tokens. */
  static TransformerModel prompt(Path file, JsonObject adapter, TransformerModel model)
      throws IOException {
    refuseMore(adapter);
    try (Checkpoint c = Checkpoint.ofFile(file)) {
      if (!c.names().equals(java.util.Set.of(PROMPT)))
        throw new FormatException(file + ": holds " + c.names() + ", expected " + PROMPT);
      HeapWeight rows = PeftFolder.finite(file, PROMPT, c.weight(PROMPT));
      Shape shape = rows.shape();
      int most = model.spec().context() - 1;
      if (shape.rank() != 2 || shape.dim(1) != model.spec().width() || shape.dim(0) > most)
        throw new IllegalArgumentException(
            "prompt: " + shape + " does not fit this model of width " + model.spec().width());
      if (!(model.embeddings() instanceof TokenEmbeddings e)
          || e.ahead() > 0
          || e.scale() != 1
          || e.widen() != null
          || model.spec().turnsAnew(1, model.spec().context())
          || Attach.carried(model).isPresent())
        throw new IllegalArgumentException(
            "prompt: does not fit a model of images, one that scales or widens its embeddings or whose angles"
                + " depend on the text's length, or one that carries an adapter");
      return model.withEmbeddings(e.withPrompt(Parameter.frozen(rows)));
    }
  }

  /**
   * The factors that a model carries, by their names in peft.
   *
   * @param config takes the fields that say where they act
   */
  static Map<String, Weight> ia3(TransformerModel model, NameTable names, JsonObject config) {
    Map<String, Weight> tensors = new LinkedHashMap<>();
    List<String> all = new ArrayList<>();
    List<String> inner = new ArrayList<>();
    model.rewrite(
        new Rewriter() {
          @Override
          public Projection projection(String path, Projection p) {
            if (!(p instanceof Ia3 i)) return p;
            String theirs = names.theirs(path + ".weight");
            String module = theirs.substring(0, theirs.length() - ".weight".length());
            all.add(module);
            if (i.ofInput()) inner.add(module);
            Tensor l = i.factors().weight().toTensor();
            int n = l.size();
            tensors.put(
                PREFIX + module + FACTORS,
                HeapWeight.of(i.ofInput() ? l.reshape(1, n) : l.reshape(n, 1)));
            return p;
          }
        });
    config
        .put("peft_type", "IA3")
        .put("target_modules", all)
        .put("feedforward_modules", inner)
        .put("fan_in_fan_out", model.spec().layout() == Linear.Layout.IN_OUT)
        .put("init_ia3_weights", true);
    return tensors;
  }

  /**
   * The rows that a model carries before its tokens.
   *
   * @param config takes the fields that say their shape
   */
  static Weight prompt(TokenEmbeddings e, TransformerModel model, JsonObject config) {
    Parameter rows = e.prompt();
    if (rows == null || e.scale() != 1 || e.widen() != null)
      throw new IllegalArgumentException(
          "prompt: a model that scales or widens its embeddings does so with peft's prompts too;"
              + " these were learnt behind that");
    config
        .put("peft_type", "PROMPT_TUNING")
        .put("num_virtual_tokens", rows.shape().rows())
        .put("token_dim", model.spec().width())
        .put("num_attention_heads", model.spec().attention().heads())
        .put("num_layers", model.slots().size())
        .put("num_transformer_submodules", 1)
        .put("prompt_tuning_init", "RANDOM");
    return rows.weight();
  }

  static void refuseMore(JsonObject adapter) throws FormatException {
    if (adapter.value("modules_to_save") instanceof List<?> l && !l.isEmpty())
      throw adapter.wrong(
          "modules_to_save",
          "is set: such an adapter holds more than its method; merge it with peft");
  }
}

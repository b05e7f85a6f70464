package dev.outpost.offsite.app;

import dev.outpost.tensor.io.JsonObject;
import dev.outpost.tensor.kernel.Kernels;
import dev.outpost.tensor.kernel.Team;
import dev.outpost.tensor.random.RandomStream;
import dev.outpost.transformer.TransformerModel;
import dev.outpost.transformer.run.Generator;
import dev.outpost.transformer.run.Sampling;
import dev.outpost.transformer.run.StopStrings;
import dev.outpost.transformer.text.Tokenizer;
import dev.outpost.transformer.text.chat.ChatTemplate;
import java.lang.management.ManagementFactory;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import java.util.function.BooleanSupplier;
import picocli.CommandLine;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;

/** {@code outpost generate}: text from a model. */
@CommandLine.Command(
    name = "generate",
    description = "Continue a prompt, with a full model or a package, with or without an adapter.",
    footer = {"", "Example: outpost generate --model tuned --prompt 'SELECT '"})
final class GenerateCommand extends Command {
  @Mixin ModelOptions model;

  @Option(
      names = "--prompt",
      required = true,
      paramLabel = "TEXT",
      description = "What to continue.")
  String prompt;

  @Option(
      names = "--chat",
      description = "The prompt is what a user says; the model's chat template frames it.")
  boolean chat;

  @Option(
      names = "--system",
      paramLabel = "TEXT",
      description = "With --chat: what the model is told beforehand. Default: nothing.")
  String system;

  @Option(
      names = "--max-tokens",
      paramLabel = "N",
      description = "Most tokens to generate. Default: ${DEFAULT-VALUE}.")
  int most = 128;

  @Option(
      names = "--temperature",
      paramLabel = "X",
      description = "0 always takes the best token. Default: ${DEFAULT-VALUE}.")
  float temperature = 0.8f;

  @Option(
      names = "--top-k",
      paramLabel = "N",
      description = "Choose among the N best tokens; 0 for all. Default: ${DEFAULT-VALUE}.")
  int topK = 0;

  @Option(
      names = "--top-p",
      paramLabel = "P",
      description =
          "Choose among the fewest tokens whose probabilities reach P. Default: ${DEFAULT-VALUE}.")
  float topP = 0.95f;

  @Option(
      names = "--stop",
      paramLabel = "TEXT",
      description = "Stop before this text; may be given several times.")
  List<String> stops = List.of();

  @Mixin DeviceOptions device;

  GenerateCommand(Interruption interruption) {
    super(interruption);
  }

  @Override
  Optional<DeviceOptions> device() {
    return Optional.of(device);
  }

  /** On this thread alone: the other processor reads the tokenizer. */
  private void warmUp(TransformerModel full, BooleanSupplier enough) {
    if (threads == 1 || Runtime.getRuntime().availableProcessors() == 1) return;
    try (Team one = Team.of(1)) {
      Generator.warmUp(full, Kernels.best(one), enough);
    }
  }

  /** The template writes special tokens itself. */
  private int[] conversation(Tokenizer tokenizer) {
    ChatTemplate template =
        tokenizer
            .chatTemplate()
            .orElseThrow(() ->
                new BadInput(
                    "--chat: the model has no chat template (chat_template.jinja, or chat_template"
                        + " in tokenizer_config.json); prompt it without --chat"));
    List<ChatTemplate.Message> messages = new ArrayList<>();
    if (system != null) messages.add(ChatTemplate.Message.system(system));
    messages.add(ChatTemplate.Message.user(prompt));
    try {
      return tokenizer.encode(template.render(messages, true));
    } catch (IllegalArgumentException e) {
      throw new BadInput("--chat: " + e.getMessage());
    }
  }

  @Override
  int run(Console console, Kernels kernels) throws Exception {
    Sampling sampling;
    try {
      sampling = new Sampling(temperature, topK, topP);
    } catch (IllegalArgumentException e) {
      throw new BadInput(e.getMessage());
    }
    if (system != null && !chat) throw new BadInput("--system: goes with --chat only");
    if (most < 1) throw new BadInput("--max-tokens: must be at least 1, got " + most);
    try (ModelOptions.Open open = model.open(kernels, this::warmUp)) {
      Tokenizer tokenizer = open.tokenizer();
      int[] ids = chat ? conversation(tokenizer) : tokenizer.prompt(prompt);
      if (ids.length == 0) ids = tokenizer.beginning().stream().toArray();
      int context = open.model().spec().context();
      if (ids.length == 0)
        throw new BadInput(
            "--prompt: is empty, and the tokenizer has no end-of-text token to start from");
      if (ids.length >= context)
        throw new BadInput(
            "--prompt: has "
                + ids.length
                + " tokens; the model's context is "
                + context
                + ", and at least one must be left to generate. Shorten the prompt");
      // Ctrl-C needs no patience here: nothing is written.
      if (!chat) console.write(prompt);
      StopStrings text = new StopStrings(tokenizer, ids, stops, console::write);
      long[] firstAt = new long[1];
      long start = System.nanoTime();
      int made =
          new Generator(open.model(), kernels)
              .generate(
                  ids,
                  most,
                  sampling,
                  RandomStream.of(seed, "sample"),
                  token -> {
                    if (firstAt[0] == 0) firstAt[0] = System.currentTimeMillis();
                    return text.push(token);
                  });
      text.finish();
      double seconds = (System.nanoTime() - start) / 1e9;
      console.say("");
      // Since the JVM began: what someone at a prompt waits for.
      double first = (firstAt[0] - ManagementFactory.getRuntimeMXBean().getStartTime()) / 1e3;
      console.note(
          String.format(
              Locale.ROOT,
              "%d tokens, %.1f tokens/s, the first %.2f s after the start",
              made,
              made / seconds,
              first));
      console.emit(
          JsonObject.create()
              .put("event", "result")
              .put("prompt", prompt)
              .put("text", text.text())
              .put("tokens", made)
              .put("tokens_per_second", made / seconds)
              .put("first_token_seconds", first));
      return ExitCode.OK;
    }
  }
}

package dev.outpost.offsite.app;

import dev.outpost.transformer.data.ChatTemplate;
import dev.outpost.transformer.data.Example;
import dev.outpost.transformer.data.ExampleFormat;
import dev.outpost.transformer.data.ExampleSource;
import dev.outpost.transformer.data.JsonLines;
import dev.outpost.transformer.data.Packing;
import dev.outpost.transformer.data.TrainingData;
import dev.outpost.transformer.eval.Tasks;
import dev.outpost.transformer.text.Tokenizer;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;

/** What a training command learns from: text, or examples that say what of them is learned. */
final class DataOptions {
  enum Template {
    chatml
  }

  @Mixin CorpusOptions corpus;

  @Option(
      names = "--data",
      paramLabel = "FILE",
      description =
          "Instead of --corpus, and larger than memory if need be: a file of JSON lines (.jsonl) with text, prompt + completion, messages, or question + choices + answer; or a text file. See docs/data.md.")
  Path data;

  @Option(
      names = "--validation-data",
      paramLabel = "FILE",
      description = "With --data: choose the best step by this file instead of a held-back share.")
  Path validationData;

  @Option(
      names = "--packing",
      paramLabel = "HOW",
      description =
          "With --data: stream (one after another, cut anywhere), whole (several whole examples per row), one (per row). Default: one for JSON lines, stream for text.")
  Packing packing;

  @Option(
      names = "--chat-template",
      paramLabel = "NAME",
      description = "With --data of messages: ${COMPLETION-CANDIDATES}.")
  Template template;

  @Option(
      names = "--task",
      paramLabel = "NAME",
      description =
          "With --data: learn to answer a benchmark's questions, in its format and with its prompt: openbookqa, piqa, arc_easy, arc_challenge, hellaswag, sciq, webqs, race, wikitext, or a file that describes one.")
  String task;

  /** Whether data takes the corpus' place. */
  boolean given() {
    if (data == null) {
      BadInput.unless(validationData == null, "--validation-data: needs --data FILE");
      BadInput.unless(packing == null, "--packing: needs --data FILE");
      BadInput.unless(template == null, "--chat-template: needs --data FILE");
      BadInput.unless(task == null, "--task: needs --data FILE");
      return false;
    }
    BadInput.unless(
        task == null || JsonLines.names(data),
        "--task: needs JSON lines, a --data that ends in .jsonl, got " + data);
    BadInput.unless(corpus.path == null, "--data: takes the place of --corpus; give one of them");
    return true;
  }

  private ExampleFormat format() throws IOException {
    if (task != null) return Tasks.of(task);
    return ExampleFormat.standard(template == null ? null : ChatTemplate.chatMl());
  }

  /**
   * Rows to train on and rows to measure with.
   *
   * @param share to hold back where no file of its own is given
   * @param state folder of the run, where the tokens are kept
   */
  TrainingData rows(Tokenizer tokenizer, int context, double share, Path state) throws IOException {
    Packing how = packing != null ? packing : JsonLines.names(data) ? Packing.ONE : Packing.STREAM;
    return TrainingData.prepare(
        new TrainingData.Plan(
            data,
            validationData,
            share,
            format(),
            task == null ? "standard " + template : "task " + taskText(),
            how,
            corpus.block(context)),
        tokenizer,
        state);
  }

  /** A task file's content, since it may be edited between runs. */
  private String taskText() throws IOException {
    return Tasks.names().contains(task) ? task : Files.readString(Path.of(task));
  }

  /** Documents from the beginning of the data until there are so many characters. */
  List<String> sample(long characters) throws IOException {
    List<String> some = new ArrayList<>();
    long left = characters;
    try (ExampleSource source = ExampleSource.open(data, format())) {
      for (Example e = source.next(); e != null && left > 0; e = source.next()) {
        some.add(e.whole());
        left -= e.whole().length();
      }
    }
    if (some.isEmpty()) throw new BadInput("--data: " + data + " holds no text");
    return some;
  }
}

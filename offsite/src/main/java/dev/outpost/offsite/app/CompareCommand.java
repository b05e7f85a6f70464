package dev.outpost.offsite.app;

import dev.outpost.offsite.compare.ComparePlan;
import dev.outpost.offsite.compare.CompareTable;
import dev.outpost.offsite.compare.Comparison;
import dev.outpost.offsite.compare.Outcome;
import dev.outpost.offsite.compare.Texts;
import dev.outpost.offsite.compare.Watch;
import dev.outpost.tensor.io.JsonObject;
import dev.outpost.tensor.kernel.Kernels;
import dev.outpost.transformer.train.Progress;
import java.nio.file.Path;
import java.util.Locale;
import java.util.Optional;
import picocli.CommandLine;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;

/** {@code outpost compare}: recipes and methods on the same work. */
@CommandLine.Command(
    name = "compare",
    description = {
      "Both roles in one place, to choose by: every recipe on every model, tuned by every method on every task with every seed, each with the five numbers.",
      "--out holds results.jsonl, a line per result, and index.html, one page of tables and plots that needs no network. Run the same command again to go on where it stopped; what the plan did not change is not computed again. Seeds are the plan's."
    },
    footer = {
      "",
      "docs/compare.md tells what a plan says.",
      "Example: outpost compare --plan plan.json --out results"
    })
final class CompareCommand extends Command {
  @Option(
      names = "--plan",
      required = true,
      paramLabel = "FILE",
      description = "What to compare, as JSON.")
  Path plan;

  @Option(
      names = "--out",
      required = true,
      paramLabel = "DIR",
      description = "Folder for results and page; emulators are kept in its folder work.")
  Path out;

  @Option(
      names = "--data",
      paramLabel = "DIR",
      description = "Where the plan's relative paths start. Default: the plan's folder.")
  Path data;

  @Mixin DeviceOptions device;

  CompareCommand(Interruption interruption) {
    super(interruption);
  }

  @Override
  Optional<DeviceOptions> device() {
    return Optional.of(device);
  }

  @Override
  int run(Console console, Kernels kernels) throws Exception {
    Path start = data != null ? data : plan.toAbsolutePath().getParent();
    ComparePlan read = ComparePlan.read(plan, start == null ? Path.of("") : start);
    OutputFolder.of(out, OutputFolder.Kind.NONE, read.models().getFirst().path());
    Texts texts =
        (text, tokenizer) -> {
          Corpus all = Corpus.read(text.path(), text.include());
          if (text.characters() > 0) all = all.sample(text.characters(), 0);
          return all.split(text.validation()).rows(tokenizer, text.block());
        };
    Outcome outcome = new Comparison(read, out, texts, kernels, watch(console)).run();
    CompareTable.lines(outcome.lines()).forEach(console::say);
    for (JsonObject f : outcome.failed())
      console.error(
          f.string("kind")
              + " failed: "
              + f.string("reason")
              + "; where it happened: "
              + out.resolve(f.string("trace")));
    String page = out.resolve(Comparison.PAGE).toString();
    if (!outcome.finished()) {
      console.error("stopped; run the same command to go on. So far: " + page);
      return ExitCode.INTERRUPTED;
    }
    console.say(
        String.format(
            Locale.ROOT,
            "%d results, %d of them new; the page is %s",
            outcome.lines().size(),
            outcome.computed(),
            page));
    console.emit(
        JsonObject.create()
            .put("event", "result")
            .put("results", out.resolve(Comparison.RESULTS).toString())
            .put("page", page)
            .put("lines", outcome.lines().size())
            .put("computed", outcome.computed())
            .put("failed", outcome.failed().size()));
    return outcome.failed().isEmpty() ? ExitCode.OK : ExitCode.REFUSED;
  }

  private Watch watch(Console console) {
    return new Watch() {
      @Override
      public Progress training(String run) {
        return bar(console, run);
      }

      @Override
      public void begins(int done, int of, String what) {
        console.note("[" + done + "/" + of + "] " + what);
      }

      @Override
      public void written(JsonObject line) {
        console.emit(JsonObject.create().put("event", "cell").put("line", line));
      }

      @Override
      public boolean stopRequested() {
        return CompareCommand.this.stopRequested();
      }
    };
  }
}

package dev.outpost.offsite.app;

import java.io.IOException;
import java.nio.file.Path;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Spec;

/** Where a command's text comes from. */
final class CorpusOptions {
  @Spec(Spec.Target.MIXEE)
  CommandSpec command;

  @Option(
      names = "--corpus",
      paramLabel = "PATH",
      description = "Text: a UTF-8 file, a folder of such files, or a zip.")
  Path path;

  @Option(
      names = "--include",
      paramLabel = "GLOB",
      description = "Which files of a folder or zip. Default: ${DEFAULT-VALUE}.")
  String include = "**";

  @Option(
      names = "--block",
      paramLabel = "N",
      description = "Tokens per block of text. Default: the model's context, at most 512.")
  Integer block;

  /** The text, with a note on files that were left out. */
  Corpus read(Console console) throws IOException {
    if (path == null)
      throw new ParameterException(
          command.commandLine(),
          "Missing required option: '--corpus=PATH' (a text file, a folder of text files, or a zip)");
    Corpus text = Corpus.read(path, include);
    if (text.skipped() > 0)
      console.note(
          text.name() + ": " + text.skipped() + " files that are not UTF-8 text are left out");
    return text;
  }

  /** Tokens per block for a model of this context. */
  int block(int context) {
    int n = block == null ? Math.min(context, 512) : block;
    if (n < 2) throw new BadInput("--block: must be at least 2, got " + n);
    if (n > context)
      throw new BadInput(
          "--block: "
              + n
              + " tokens are more than the model's context of "
              + context
              + "; choose at most "
              + context);
    return n;
  }
}

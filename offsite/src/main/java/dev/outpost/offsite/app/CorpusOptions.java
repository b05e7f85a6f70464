package dev.outpost.offsite.app;

import java.io.IOException;
import java.nio.file.Path;
import picocli.CommandLine.Option;

/** Where a command's text comes from. */
final class CorpusOptions {
  @Option(names = "--corpus", paramLabel = "PATH", description = "Text: a UTF-8 file, a folder of such files, or a zip.")
  Path path;

  @Option(names = "--include", paramLabel = "GLOB", description = "Which files of a folder or zip. Default: ${DEFAULT-VALUE}.")
  String include = "**";

  @Option(names = "--block", paramLabel = "N", description = "Tokens per block of text. Default: the model's context, at most 512.")
  Integer block;

  Corpus read() throws IOException {
    if (path == null) throw new BadInput("--corpus: is missing; give a text file, a folder of text files, or a zip");
    return Corpus.read(path, include);
  }

  /** Tokens per block for a model of this context. */
  int block(int context) {
    int n = block == null ? Math.min(context, 512) : block;
    if (n < 2) throw new BadInput("--block: must be at least 2, got " + n);
    if (n > context) throw new BadInput("--block: " + n + " tokens are more than the model's context of " + context + "; choose at most " + context);
    return n;
  }
}

package dev.outpost.offsite.app;

import dev.outpost.tensor.io.JsonObject;
import dev.outpost.tensor.kernel.Kernels;
import dev.outpost.transformer.hub.FilePatterns;
import dev.outpost.transformer.hub.HubModel;
import dev.outpost.transformer.hub.HubSettings;
import dev.outpost.transformer.hub.Pull;
import dev.outpost.transformer.hub.Pulled;
import java.net.URI;
import java.nio.file.Path;
import java.util.List;
import java.util.Locale;
import java.util.stream.Stream;
import picocli.CommandLine;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

/** {@code outpost pull}: a model from a hub. */
@CommandLine.Command(
    name = "pull",
    description = {
      "Fetch a model from a hub into the cache of the hub's own client, where --model finds it by name.",
      "",
      "What is there stays, what was begun goes on, and every file is checked against the hub's checksum. HF_TOKEN, HF_HOME, HF_HUB_CACHE, HF_ENDPOINT and HF_HUB_OFFLINE mean what they mean to that client.",
      ""
    },
    footer = {"", "Example: outpost pull openai-community/gpt2"})
final class PullCommand extends Command {
  @Parameters(
      paramLabel = "MODEL",
      description = "owner/name, or owner/name@revision: a branch, a tag or a commit.")
  String model;

  @Option(
      names = "--include",
      paramLabel = "GLOB",
      description =
          "Fetch files like this; may be given several times. Default: configuration, tokenizer and safetensors.")
  List<String> include = List.of();

  @Option(
      names = "--exclude",
      paramLabel = "GLOB",
      description =
          "But not files like this; may be given several times. Default: the same weights in other formats.")
  List<String> exclude = List.of();

  @Option(
      names = "--cache",
      paramLabel = "DIR",
      description = "Where models are kept. Default: HF_HUB_CACHE, or huggingface/hub in ~/.cache.")
  Path cache;

  @Option(
      names = "--endpoint",
      paramLabel = "URL",
      description = "The hub. Default: HF_ENDPOINT, or https://huggingface.co.")
  String endpoint;

  @Option(names = "--offline", description = "Use no network: only tell what is in the cache.")
  boolean offline;

  PullCommand(Interruption interruption) {
    super(interruption);
  }

  @Override
  int run(Console console, Kernels kernels) throws Exception {
    HubModel wanted = HubModel.parse(model);
    HubSettings settings = settings(HubSettings.ofEnvironment());
    PullBar bar = new PullBar(console, wanted.toString());
    Pulled pulled = Pull.of(settings).run(wanted, patterns(), bar);
    console.note(
        String.format(
            Locale.ROOT,
            "%s at %.7s: %d files, %s, of which %s came now",
            wanted.id(),
            pulled.commit(),
            pulled.files(),
            PullBar.size(pulled.bytes()),
            PullBar.size(pulled.fetched())));
    console.say(pulled.folder().toString());
    console.emit(
        JsonObject.create()
            .put("event", "result")
            .put("model", wanted.id())
            .put("revision", wanted.revision())
            .put("commit", pulled.commit())
            .put("path", pulled.folder().toString())
            .put("files", pulled.files())
            .put("bytes", pulled.bytes())
            .put("fetched_bytes", pulled.fetched()));
    return ExitCode.OK;
  }

  private HubSettings settings(HubSettings found) {
    try {
      return new HubSettings(
          cache == null ? found.cache() : cache,
          endpoint == null ? found.endpoint() : URI.create(endpoint),
          found.token(),
          found.offline() || offline,
          found.links());
    } catch (IllegalArgumentException e) {
      throw new BadInput("--endpoint: " + e.getMessage());
    }
  }

  private FilePatterns patterns() {
    FilePatterns usual = FilePatterns.DEFAULT;
    if (include.isEmpty() && exclude.isEmpty()) return usual;
    try {
      return include.isEmpty()
          ? new FilePatterns(
              usual.include(), Stream.concat(usual.exclude().stream(), exclude.stream()).toList())
          : new FilePatterns(include, exclude);
    } catch (IllegalArgumentException e) {
      throw new BadInput(e.getMessage());
    }
  }
}

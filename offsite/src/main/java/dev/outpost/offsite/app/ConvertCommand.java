package dev.outpost.offsite.app;

import dev.outpost.offsite.artifact.PlugIn;
import dev.outpost.tensor.DType;
import dev.outpost.tensor.io.JsonObject;
import dev.outpost.tensor.kernel.Kernels;
import dev.outpost.transformer.TransformerModel;
import dev.outpost.transformer.load.Companions;
import dev.outpost.transformer.load.GgufExport;
import dev.outpost.transformer.load.ModelFolder;
import dev.outpost.transformer.load.PeftFolder;
import dev.outpost.transformer.peft.LoraUpdates;
import dev.outpost.transformer.text.GgufTokenizerWriter;
import dev.outpost.transformer.text.TokenizerFiles;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Locale;
import java.util.Map;
import java.util.Set;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import picocli.CommandLine;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

/** {@code outpost convert}: the same model or adapter in another format. */
@CommandLine.Command(
    name = "convert",
    description = {
      "Write a model or an adapter in another format.",
      "A model is a Hugging Face folder or a GGUF file; the result appears whole or not at all."
    },
    footer = {"", "Example: outpost convert model --out model.gguf --type q8_0"})
final class ConvertCommand extends Command {
  /** Formats to write. */
  enum Format {
    HF,
    GGUF,
    PEFT,
    GGUF_LORA;

    @Override
    public String toString() {
      return name().toLowerCase(Locale.ROOT).replace('_', '-');
    }
  }

  private static final Pattern LOW_RANK =
      Pattern.compile("\\.(lora_a|lora_b|dora_magnitude)\\.weight$");
  private static final Pattern LEARNT =
      Pattern.compile(
          "\\.(lora_a|lora_b|dora_magnitude|ia3|prompt|prefix_keys|prefix_values)\\.weight$");
  private static final Pattern SIZE = Pattern.compile("(\\d{1,6})(KB|MB|GB)");
  private static final Map<String, Long> UNITS =
      Map.of("KB", 1_000L, "MB", 1_000_000L, "GB", 1_000_000_000L);

  /** Types a model can be stored in. */
  enum Type {
    F32(DType.F32),
    F16(DType.F16),
    BF16(DType.BF16),
    Q8_0(DType.Q8_0),
    Q4_0(DType.Q4_0);

    private final DType dtype;

    Type(DType dtype) {
      this.dtype = dtype;
    }
  }

  @Parameters(paramLabel = "SRC", description = "What to convert.")
  Path source;

  @Option(
      names = "--out",
      required = true,
      paramLabel = "DST",
      description = "Folder, or for GGUF the file, to write.")
  Path out;

  @Option(
      names = "--to",
      paramLabel = "FORMAT",
      description =
          "One of ${COMPLETION-CANDIDATES}. Default: gguf for a DST that ends in .gguf, else hf.")
  Format to;

  @Option(
      names = "--base",
      paramLabel = "DIR",
      description = "The full model that an adapter belongs to, for peft and gguf-lora.")
  Path base;

  @Option(
      names = "--type",
      paramLabel = "TYPE",
      description =
          "Store matrices as one of ${COMPLETION-CANDIDATES}; the last two in GGUF only. Default: as they are.")
  Type type;

  @Option(
      names = "--shard-size",
      paramLabel = "SIZE",
      description =
          "For a folder: files of at most so many bytes, such as 5GB or 500MB. Default: one file.")
  String shardSize;

  ConvertCommand(Interruption interruption) {
    super(interruption);
  }

  @Override
  int run(Console console, Kernels kernels) throws Exception {
    boolean gguf = out.toString().endsWith(".gguf");
    Format format = to != null ? to : gguf ? Format.GGUF : Format.HF;
    if ((format == Format.GGUF || format == Format.GGUF_LORA) && !gguf)
      throw new BadInput("--out: " + out + " must end in .gguf to be written as " + format);
    if (base != null && (format == Format.HF || format == Format.GGUF))
      throw new BadInput("--base: belongs to an adapter; add --to peft or --to gguf-lora");
    if (shardSize != null && format != Format.HF)
      throw new BadInput("--shard-size: is for folders; " + format + " is one file");
    switch (format) {
      case HF -> folder();
      case GGUF -> file(console);
      case PEFT, GGUF_LORA -> adapter(format);
    }
    console.say(source + " written to " + out);
    console.emit(
        JsonObject.create()
            .put("event", "result")
            .put("out", out.toString())
            .put("format", format.toString()));
    return ExitCode.OK;
  }

  private void folder() throws IOException {
    if (type != null && type.dtype.isBlocked())
      throw new BadInput("--type: " + type + " is a type of GGUF; a folder takes F32, F16 or BF16");
    long shard = shard();
    source = ModelOptions.located(source);
    OutputFolder.of(out, OutputFolder.Kind.MODEL, source);
    try (ModelFolder model = ModelFolder.open(source)) {
      DType dtype = type == null ? null : type.dtype;
      if (Files.isDirectory(source)) Companions.copy(source, out);
      else {
        TokenizerFiles.save(TokenizerFiles.load(source), out);
        if (dtype == null) dtype = DType.F32;
      }
      ModelFolder.write(out, model.model(), model.config(), dtype, shard);
    }
  }

  private long shard() {
    if (shardSize == null) return Long.MAX_VALUE;
    Matcher m = SIZE.matcher(shardSize);
    long unit = m.matches() ? UNITS.getOrDefault(m.group(2), 0L) : 0;
    long n = unit == 0 ? 0 : Long.parseLong(m.group(1));
    if (n < 1)
      throw new BadInput(
          "--shard-size: " + shardSize + " is no size; say for example 5GB, 500MB or 100KB");
    return n * unit;
  }

  private void file(Console console) throws IOException {
    source = ModelOptions.located(source);
    if (Files.exists(out) && Files.isSameFile(source, out))
      throw new BadInput("--out: " + out + " is also read from; choose another file");
    if (Files.isDirectory(out)) throw new BadInput("--out: " + out + " is a folder");
    try (ModelFolder model = ModelFolder.open(source)) {
      Map<String, Object> tokenizer =
          GgufTokenizerWriter.metadata(source, model.model().spec().vocabularySize());
      Path name = source.toAbsolutePath().normalize().getFileName();
      GgufExport.write(
          out,
          model.model(),
          model.config(),
          String.valueOf(name),
          tokenizer,
          type == null ? null : type.dtype,
          (done, all) -> progress(console, done, all));
    }
    console.clearBar();
  }

  private void adapter(Format format) throws IOException, PlugIn.RefusedException {
    if (base == null)
      throw new BadInput("--base: is needed: the model whose adapter " + source + " is");
    if (type != null) throw new BadInput("--type: adapters keep their own");
    if (format == Format.PEFT) OutputFolder.of(out, OutputFolder.Kind.NONE, source, base);
    else if (Files.isDirectory(out)) throw new BadInput("--out: " + out + " is a folder");
    try (ModelFolder model = ModelFolder.open(ModelOptions.located(base))) {
      TransformerModel attached = Adapters.into(model, source);
      if (format == Format.PEFT) {
        requireOnly(LEARNT, "lora, dora, ia3, prompt or prefix", model.model(), attached);
        peft(model, attached);
      } else {
        requireOnly(LOW_RANK, "LoRA or DoRA", model.model(), attached);
        LoraUpdates lora = LoraUpdates.of(attached);
        GgufExport.lora(out, lora, model.config(), attached.spec(), (done, all) -> {});
      }
    }
  }

  private void peft(ModelFolder model, TransformerModel attached) throws IOException {
    try {
      PeftFolder.write(out, attached, base.toString(), model.config());
    } catch (IllegalArgumentException e) {
      throw new BadInput("--to: " + e.getMessage());
    }
  }

  private void requireOnly(
      Pattern parameters, String methods, TransformerModel plain, TransformerModel attached) {
    Set<String> more = Adapters.changed(plain, attached);
    more.removeIf(parameters.asPredicate());
    if (!more.isEmpty())
      throw new BadInput(
          source
              + ": holds more than "
              + methods
              + ", such as "
              + more.iterator().next()
              + "; plug it into the model and convert that");
  }

  private void progress(Console console, long done, long all) {
    if (console.hasBar())
      console.bar(
          String.format(
              Locale.ROOT,
              "%s  %d of %d MB",
              out.getFileName(),
              done / 1_000_000,
              all / 1_000_000));
  }
}

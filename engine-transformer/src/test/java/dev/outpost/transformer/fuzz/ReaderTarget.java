package dev.outpost.transformer.fuzz;

import dev.outpost.tensor.io.GgufFile;
import dev.outpost.tensor.io.JsonObject;
import dev.outpost.tensor.io.SafetensorsFile;
import dev.outpost.transformer.Golden;
import dev.outpost.transformer.family.Family;
import dev.outpost.transformer.load.ModelFolder;
import dev.outpost.transformer.load.PeftFolder;
import dev.outpost.transformer.text.Tokenizer;
import dev.outpost.transformer.text.TokenizerFiles;
import dev.outpost.transformer.text.chat.ChatTemplate;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.net.URISyntaxException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.Map;

/**
 * The readers of files that come from strangers, each through the door a user takes. Whatever the
 * bytes, a reader answers or throws what it declares: {@link IOException} (of which {@code
 * FormatException} is one), and {@link IllegalArgumentException} from what is done with the thing
 * read. Anything else is a finding.
 */
enum ReaderTarget {
  SAFETENSORS("model.safetensors") {
    @Override
    void read(Path file) throws IOException {
      try (SafetensorsFile f = SafetensorsFile.open(file)) {
        for (String name : f.names()) {
          require(f.segment(name).byteSize() == f.info(name).end() - f.info(name).begin(), name);
          refusable(() -> f.weight(name));
        }
      }
    }
  },

  GGUF("model.gguf") {
    @Override
    void read(Path file) throws IOException {
      try (GgufFile f = GgufFile.open(file)) {
        for (String name : f.names()) {
          require(!f.type(name).isEmpty(), name);
          refusable(() -> f.weight(name));
        }
      }
      refusable(() -> encode(TokenizerFiles.load(file)));
      refusable(() -> ModelFolder.open(file).close());
    }
  },

  TOKENIZER("tokenizer.json") {
    @Override
    void read(Path file) throws IOException {
      Tokenizer tokenizer = TokenizerFiles.load(file.getParent());
      refusable(() -> encode(tokenizer));
    }
  },

  TOKENIZER_MODEL("tokenizer.model") {
    @Override
    void read(Path file) throws IOException {
      Tokenizer tokenizer = TokenizerFiles.load(file.getParent());
      refusable(() -> encode(tokenizer));
      refusable(() -> TokenizerFiles.save(tokenizer, file.resolveSibling("saved")));
    }
  },

  /** Beside the weights of a tiny Llama. */
  CONFIG("config.json") {
    @Override
    void read(Path file) throws IOException {
      Path weights = file.resolveSibling("model.safetensors");
      if (!Files.exists(weights)) Files.copy(golden("model.safetensors"), weights);
      refusable(() -> ModelFolder.open(file.getParent()).close());
      JsonObject config = JsonObject.read(file);
      Family family = Family.of(config);
      require(family.names(family.read(config)).ours("x").isEmpty(), "a name of no family");
    }
  },

  CHAT_TEMPLATE("chat_template.jinja") {
    @Override
    void read(Path file) throws IOException {
      String source = Files.readString(file);
      ChatTemplate template =
          ChatTemplate.of(source, Map.of("bos_token", "<s>", "eos_token", "</s>"));
      for (boolean answer : new boolean[] {true, false})
        refusable(() -> {
          String text = template.render(CONVERSATION, answer);
          require(text.length() <= 16 << 20, "a text of " + text.length());
        });
    }
  },

  /** {@code adapter_config.json}, a zero byte, {@code adapter_model.safetensors}. */
  ADAPTER("adapter") {
    @Override
    void read(Path file) throws IOException {
      byte[] both = Files.readAllBytes(file);
      int cut = 0;
      while (cut < both.length && both[cut] != 0) cut++;
      Files.write(file.resolveSibling(PeftFolder.CONFIG), Arrays.copyOf(both, cut));
      Files.write(
          file.resolveSibling("adapter_model.safetensors"),
          Arrays.copyOfRange(both, Math.min(cut + 1, both.length), both.length));
      PeftFolder.read(file.getParent(), Base.LLAMA.config()).attach(Base.LLAMA.model());
    }
  };

  private static final String TEXT = "The <|endoftext|> 文 e\u0301 ﬁ\u200b 1234 don't\n\n  <s>x</s>";
  private static final List<ChatTemplate.Message> CONVERSATION =
      List.of(
          ChatTemplate.Message.system("Be brief."),
          ChatTemplate.Message.user(" Hi {{ 1 }} "),
          new ChatTemplate.Message("assistant", "Hello.\n"),
          ChatTemplate.Message.user("文"));

  /** The model that adapters are for; open as long as the process lives. */
  private static final class Base {
    static final ModelFolder LLAMA = open();

    private static ModelFolder open() {
      try {
        return ModelFolder.open(golden(""));
      } catch (IOException e) {
        throw new UncheckedIOException(e);
      }
    }
  }

  private final String file;

  ReaderTarget(String file) {
    this.file = file;
  }

  /** Reads a file of the format. */
  abstract void read(Path file) throws IOException;

  /** Where in {@code folder} the bytes of such a file go. */
  final Path in(Path folder) {
    return folder.resolve(file);
  }

  /**
   * Reads these bytes as a file of the format; throws only what is a finding.
   *
   * @param folder where the file is put
   */
  final void accept(Path folder, byte[] bytes) {
    try {
      read(Files.write(in(folder), bytes));
    } catch (IOException | IllegalArgumentException e) {
      require(e.getMessage() != null && !e.getMessage().isEmpty(), "a refusal without a reason");
    }
  }

  private interface Step {
    void run() throws IOException;
  }

  /** A step that may be refused without hindering the next. */
  private static void refusable(Step step) {
    try {
      step.run();
    } catch (IOException | IllegalArgumentException e) {
      require(e.getMessage() != null && !e.getMessage().isEmpty(), "a refusal without a reason");
    }
  }

  private static void encode(Tokenizer tokenizer) {
    int[] plain = tokenizer.encode(TEXT);
    for (int id : plain) require(id >= 0 && id < tokenizer.vocabularySize(), "the id " + id);
    int[] framed = tokenizer.encode(TEXT, true);
    tokenizer.decode(framed);
  }

  private static Path golden(String name) {
    try {
      return Path.of(Golden.class.getResource("golden/llama-grouped-f32/" + name).toURI());
    } catch (URISyntaxException e) {
      throw new AssertionError(e);
    }
  }

  private static void require(boolean holds, String what) {
    if (!holds) throw new AssertionError(what);
  }
}

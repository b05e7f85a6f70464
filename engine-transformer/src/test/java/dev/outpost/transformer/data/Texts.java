package dev.outpost.transformer.data;

import dev.outpost.tensor.io.JsonObject;
import dev.outpost.transformer.text.BytePairTrainer;
import dev.outpost.transformer.text.Tokenizer;
import dev.outpost.transformer.text.TokenizerFiles;
import java.io.IOException;
import java.nio.file.Path;
import java.util.List;

/** A small vocabulary of English for tests of data and evaluation. */
public final class Texts {
  private static final String ENGLISH =
      "The sky is blue and the question is: what colour is the sky? Answer: blue. ".repeat(20);

  private Texts() {}

  /** 300 tokens: bytes, some words with the space before them, end-of-text. */
  public static Tokenizer tokenizer() {
    return BytePairTrainer.of(300).train(List.of(ENGLISH));
  }

  /** The same, but every text begins with end-of-text, as OPT's do. */
  public static Tokenizer begins(Path folder) throws IOException {
    TokenizerFiles.save(tokenizer(), folder);
    Path file = folder.resolve("tokenizer.json");
    String begin = "{\"SpecialToken\":{\"id\":\"<|endoftext|>\",\"type_id\":0}}";
    String a = "{\"Sequence\":{\"id\":\"A\",\"type_id\":0}}";
    String b = "{\"Sequence\":{\"id\":\"B\",\"type_id\":0}}";
    JsonObject frame =
        JsonObject.parse(
            "frame",
            "{\"type\":\"TemplateProcessing\",\"single\":[%s,%s],\"pair\":[%s,%s,%s],\"special_tokens\":{\"<|endoftext|>\":{\"id\":\"<|endoftext|>\",\"ids\":[%d],\"tokens\":[\"<|endoftext|>\"]}}}"
                .formatted(begin, a, begin, a, b, tokenizer().endOfText().orElseThrow()));
    JsonObject.read(file).put("post_processor", frame).write(file);
    return TokenizerFiles.load(folder);
  }
}

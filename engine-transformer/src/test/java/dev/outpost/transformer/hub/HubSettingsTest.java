package dev.outpost.transformer.hub;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.outpost.tensor.io.FormatException;
import java.io.IOException;
import java.net.URI;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** What the environment says, and names of models and files. */
final class HubSettingsTest {
  @TempDir Path home;

  private HubSettings of(Map<String, String> environment) throws IOException {
    return HubSettings.of(environment, home);
  }

  @Test
  void theCacheIsWhereTheHubsOwnClientHasIt() throws IOException {
    assertThat(of(Map.of()).cache()).isEqualTo(home.resolve(".cache/huggingface/hub"));
    assertThat(of(Map.of("XDG_CACHE_HOME", "/x")).cache()).isEqualTo(Path.of("/x/huggingface/hub"));
    assertThat(of(Map.of("HF_HOME", "~/hf", "XDG_CACHE_HOME", "/x")).cache())
        .isEqualTo(home.resolve("hf/hub"));
    assertThat(of(Map.of("HF_HUB_CACHE", "/c", "HF_HOME", "/h")).cache()).isEqualTo(Path.of("/c"));
  }

  @Test
  void theTokenIsThatOfTheEnvironmentOrElseOfItsFile() throws IOException {
    assertThat(of(Map.of()).token()).isNull();
    Files.createDirectories(home.resolve("hf"));
    Files.writeString(home.resolve("hf/token"), "hf_file\n");
    assertThat(of(Map.of("HF_HOME", home.resolve("hf").toString())).token()).isEqualTo("hf_file");
    assertThat(of(Map.of("HF_TOKEN_PATH", home.resolve("hf/token").toString())).token())
        .isEqualTo("hf_file");
    assertThat(
            of(Map.of("HF_TOKEN", " hf_env\n", "HF_HOME", home.resolve("hf").toString())).token())
        .isEqualTo("hf_env");
    assertThatThrownBy(() -> of(Map.of("HF_TOKEN", "hf_a\nX-Evil: b")))
        .isInstanceOf(FormatException.class)
        .message()
        .doesNotContain("hf_a", "Evil");
  }

  @Test
  void theEndpointIsAServer() throws IOException {
    assertThat(of(Map.of()).endpoint()).isEqualTo(URI.create("https://huggingface.co"));
    assertThat(of(Map.of("HF_ENDPOINT", "https://mirror.example/hub/")).endpoint())
        .isEqualTo(URI.create("https://mirror.example/hub"));
    for (String wrong :
        new String[] {"mirror", "ftp://x", "https://user:pw@x", "https://x?y", "https://"})
      assertThatThrownBy(() -> of(Map.of("HF_ENDPOINT", wrong)))
          .as(wrong)
          .isInstanceOf(FormatException.class)
          .hasMessageStartingWith("environment: ");
  }

  @Test
  void switches() throws IOException {
    assertThat(of(Map.of()).offline()).isFalse();
    for (String on : new String[] {"1", "true", "YES", "on"})
      assertThat(of(Map.of("HF_HUB_OFFLINE", on)).offline()).isTrue();
    assertThat(of(Map.of("HF_HUB_OFFLINE", "0")).offline()).isFalse();
    assertThat(of(Map.of("HF_HUB_DISABLE_SYMLINKS", "1")).links()).isFalse();
  }

  @ParameterizedTest
  @ValueSource(strings = {"a/b", "openai-community/gpt2", "a.b/c_d-e.f@v1.0", "a/b@refs/pr/12"})
  void namesOfModels(String name) throws IOException {
    assertThat(HubModel.parse(name).toString()).isEqualTo(name);
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "",
        "gpt2",
        "/a/b",
        "a/b/c",
        "a/",
        "/b",
        "../b",
        "a/..",
        "-a/b",
        "a/b.",
        "a/b--c",
        "a/b..c",
        "a b/c",
        "a/b@",
        "a/b@../x",
        "a/b@x\u0000",
        "a/b@/x",
        "a\\b/c",
        "ä/b"
      })
  void namesOfNoModels(String name) {
    assertThatThrownBy(() -> HubModel.parse(name)).isInstanceOf(FormatException.class);
    assertThat(HubModel.isName(name)).isFalse();
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      value = {
        "*.json|config.json|true",
        "*.json|a/b/config.json|true",
        "*.json|config.jsonl|false",
        "onnx/|onnx/a/b|true",
        "onnx/|not-onnx/a|false",
        "model-0000?-of-*|model-00001-of-00002.safetensors|true",
        "[ab].txt|b.txt|true",
        "[!ab].txt|b.txt|false",
        "[!ab].txt|c.txt|true",
        "[a-c]*|cat|true",
        "x[|x[|true",
        "a.b|axb|false",
        "(x)+|(x)+|true",
        "[^x]|^|true",
        "[^x]|y|false"
      })
  void patternsAreThoseOfTheHubsOwnClient(String pattern, String file, boolean matches) {
    FilePatterns p = new FilePatterns(java.util.List.of(pattern), java.util.List.of());
    assertThat(p.accept(file)).isEqualTo(matches);
  }
}

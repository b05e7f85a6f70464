package dev.outpost.transformer.text.chat;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.outpost.tensor.io.FormatException;
import java.io.IOException;
import java.math.BigInteger;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.LocalDateTime;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.SplittableRandom;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import tools.jackson.core.JsonParser;
import tools.jackson.core.JsonToken;
import tools.jackson.core.ObjectReadContext;
import tools.jackson.core.json.JsonFactory;

/** Templates against transformers; {@code chat/make_chat_goldens.py} wrote the goldens. */
class ChatTemplateTest {
  private static final Path GOLDENS = Path.of("src/test/resources/text/chat/goldens.json");
  private static final Map<String, String> SPECIAL =
      Map.of("bos_token", "<s>", "eos_token", "</s>", "unk_token", "<unk>", "pad_token", "<pad>");
  private static final LocalDateTime NOW = LocalDateTime.of(2026, 3, 5, 9, 7, 1);
  private static final long SEED = 71;

  private static Object json(JsonParser p) {
    return switch (p.currentToken()) {
      case START_OBJECT -> {
        Map<String, Object> fields = new LinkedHashMap<>();
        while (p.nextToken() == JsonToken.PROPERTY_NAME) {
          String name = p.currentName();
          p.nextToken();
          fields.put(name, json(p));
        }
        yield fields;
      }
      case START_ARRAY -> {
        List<Object> items = new ArrayList<>();
        while (p.nextToken() != JsonToken.END_ARRAY) items.add(json(p));
        yield items;
      }
      case VALUE_STRING -> p.getString();
      case VALUE_NUMBER_INT -> BigInteger.valueOf(p.getLongValue()).longValueExact();
      case VALUE_NUMBER_FLOAT -> p.getDoubleValue();
      case VALUE_TRUE -> true;
      case VALUE_FALSE -> false;
      default -> null;
    };
  }

  static List<Map<String, Object>> templates(Path goldens) throws IOException {
    String text = Files.readString(goldens);
    try (JsonParser p =
        JsonFactory.builder().build().createParser(ObjectReadContext.empty(), text)) {
      p.nextToken();
      return list(((Map<?, ?>) json(p)).get("templates"));
    }
  }

  @SuppressWarnings("unchecked")
  private static List<Map<String, Object>> list(Object value) {
    return (List<Map<String, Object>>) value;
  }

  /** The text, or the word of a refusal. */
  private static String rendered(ChatTemplate template, Map<String, Object> c) {
    Map<String, Object> more = new LinkedHashMap<>();
    more.put("tools", c.get("tools"));
    return template.render(list(c.get("messages")), (boolean) c.get("prompt"), more, NOW);
  }

  @Test
  void conversationsReadAsTransformersWritesThem() throws IOException {
    int compared = 0;
    for (Map<String, Object> t : templates(GOLDENS)) {
      ChatTemplate template = ChatTemplate.of((String) t.get("template"), SPECIAL);
      for (Map<String, Object> c : list(t.get("cases"))) {
        String name = t.get("name") + " " + c.get("messages");
        if (c.containsKey("refused")) {
          assertThatThrownBy(() -> rendered(template, c))
              .as(name)
              .isInstanceOf(IllegalArgumentException.class)
              .hasMessageContaining("chat template: line ");
        } else {
          assertThat(rendered(template, c)).as(name).isEqualTo(c.get("text"));
        }
        compared++;
      }
    }
    assertThat(compared).isGreaterThanOrEqualTo(160);
  }

  @Test
  void aRefusalSaysWhatTheTemplateSays() throws IOException {
    ChatTemplate template =
        ChatTemplate.of("a\n{% if true %}{{ raise_exception('No ' ~ 1) }}{% endif %}", SPECIAL);
    assertThatThrownBy(() -> template.render(List.of(), true))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessage("chat template: line 2: No 1");
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      value = {
        "{% if %}|an expression",
        "{% if x %}|expected {% endif %}",
        "{% endif %}|a tag that opens nothing",
        "{% include 'a' %}|the tag \"include\" is not supported",
        "{{ x.}}|expected a name",
        "{{ 'a }}|a string has no end",
        "{# a|a comment has no end",
        "{{ a ? b }}|is not understood",
        "{{ 12345678901234567890 }}|is too large",
        "{% for in x %}{% endfor %}|expected in",
        "{% set a b %}|expected the tag's end",
      })
  void whatIsNoTemplateIsRefused(String template, String message) {
    assertThatThrownBy(() -> ChatTemplate.of(template, SPECIAL))
        .isInstanceOf(FormatException.class)
        .hasMessageContaining("chat template: line 1: ")
        .hasMessageContaining(message);
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      value = {
        "{{ x.y }}|an undefined value has no part y",
        "{{ messages.foo() }}|cannot be called",
        "{{ nothing() }}|the function \"nothing\" is not supported",
        "{{ 1/0 }}|divides by 0",
        "{{ 'a' + 1 }}|does not go with",
        "{{ 1 < 'a' }}|have no order",
        "{{ ''.__class__ }}{{ ''.__class__.__mro__ }}|undefined value has no part",
        "{{ 'a' * 999999999999 }}|more than",
        "{{ 'a'.split('') }}|must not be empty",
        "{% for i in range(100001) %}{% endfor %}|range is too long",
        "{% set n = namespace(s='aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa') %}{% for i in range(99) %}"
            + "{% set n.s = n.s + n.s %}{% endfor %}|more than",
        "{% for a in range(9999) %}{% for b in range(9999) %}{% endfor %}{% endfor %}|steps",
        "{% macro m() %}{{ m() }}{% endmacro %}{{ m() }}|calls itself",
      })
  void aTemplateThatFailsOrDoesTooMuchIsStopped(String source, String message) throws IOException {
    ChatTemplate template = ChatTemplate.of(source, SPECIAL);
    assertThatThrownBy(() -> template.render(List.of(), true))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessageContaining(message);
  }

  @Test
  void deepNestingIsRefused() {
    for (String deep :
        List.of(
            "{{ " + "(".repeat(5000) + ")".repeat(5000) + " }}",
            "{{ " + "not ".repeat(5000) + "a }}",
            "{{ " + "-".repeat(5000) + "1 }}",
            "{{ " + "[".repeat(5000) + "]".repeat(5000) + " }}",
            "{% if a %}".repeat(5000))) {
      assertThatThrownBy(() -> ChatTemplate.of(deep, SPECIAL))
          .isInstanceOf(FormatException.class)
          .hasMessageContaining("nested");
    }
  }

  @Test
  void aDamagedTemplateIsReadOrRefusedButNeverBreaksTheReader() throws IOException {
    SplittableRandom random = new SplittableRandom(SEED);
    List<Map<String, Object>> goldens = templates(GOLDENS);
    int refused = 0;
    for (int i = 0; i < 2000; i++) {
      String source = (String) goldens.get(random.nextInt(goldens.size())).get("template");
      StringBuilder damaged = new StringBuilder(source);
      for (int k = 0; k < 3; k++) {
        int from = random.nextInt(damaged.length() - 8);
        if (random.nextBoolean()) damaged.delete(from, from + 1 + random.nextInt(7));
        else damaged.insert(from, source, 0, random.nextInt(Math.min(40, source.length())));
      }
      try {
        ChatTemplate.of(damaged.toString(), SPECIAL)
            .render(List.of(ChatTemplate.Message.user("Hi")), true);
      } catch (FormatException | IllegalArgumentException e) {
        refused++;
        assertThat(e).as("seed " + SEED).hasMessageStartingWith("chat template: ");
      }
    }
    assertThat(refused).isGreaterThan(500);
  }
}

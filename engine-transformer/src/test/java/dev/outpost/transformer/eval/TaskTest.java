package dev.outpost.transformer.eval;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.outpost.tensor.io.FormatException;
import dev.outpost.tensor.io.JsonObject;
import dev.outpost.transformer.data.Example;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Set;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

final class TaskTest {
  @TempDir Path dir;

  private static Item.Question question(String task, String json) throws IOException {
    return (Item.Question) Tasks.of(task).item(JsonObject.parse("x.jsonl line 3", json));
  }

  @Test
  void everyTaskThatIsNamedIsThere() throws IOException {
    for (String name : Tasks.names()) assertThat(Tasks.of(name).name()).isEqualTo(name);
    assertThatThrownBy(() -> Tasks.of("boolq"))
        .isInstanceOf(FormatException.class)
        .hasMessageContainingAll("boolq", "piqa", "or a file");
  }

  @Test
  void theOriginalDownloadsReadLikeTheHubs() throws IOException {
    String nested =
        "{\"id\":\"7\",\"question\":{\"stem\":\"A stone will\",\"choices\":["
            + "{\"text\":\"float\",\"label\":\"A\"},{\"text\":\"sink\",\"label\":\"B\"}]},"
            + "\"answerKey\":\"B\"}";
    Item.Question stem = new Item.Question("A stone will", List.of("float", "sink"), Set.of(1));
    assertThat(question("openbookqa", nested)).isEqualTo(stem);
    assertThat(question("arc_easy", nested))
        .isEqualTo(
            new Item.Question(
                "Question: A stone will\nAnswer:", List.of("float", "sink"), Set.of(1)));
    String race =
        "{\"article\":\"An article.\",\"questions\":[\"One is  _  .\",\"Why?\",\"Who?\"],"
            + "\"options\":[[\"a\",\"b\",\"c\",\"d\"],[\"e\",\"f\",\"g\",\"h\"],[\"i\",\"j\",\"k\",\"l\"]],"
            + "\"answers\":[\"B\",\"A\",\"D\"]}";
    assertThat(question("race", race))
        .isEqualTo(
            new Item.Question(
                "Article: An article.\n\nOne is b\nQuestion: Why?\nAnswer: e\nWho?",
                List.of("i", "j", "k", "l"),
                Set.of(3)));
  }

  @Test
  void labelsMayLieBesideTheData() throws IOException {
    Path data = dir.resolve("valid.jsonl");
    Files.writeString(data, "{\"goal\":\"g\",\"sol1\":\"a\",\"sol2\":\"b\"}\n".repeat(2));
    Files.writeString(dir.resolve("valid-labels.lst"), "1\n0\n");
    Task piqa = Tasks.of("piqa");
    List<JsonObject> all = Documents.read(data, piqa, 9);
    assertThat(((Item.Question) piqa.item(all.get(0))).right()).containsExactly(1);
    assertThat(((Item.Question) piqa.item(all.get(1))).right()).containsExactly(0);
    Files.writeString(dir.resolve("valid-labels.lst"), "1\n");
    assertThatThrownBy(() -> Documents.read(data, piqa, 9))
        .isInstanceOf(FormatException.class)
        .hasMessageContainingAll("valid-labels.lst", "1 labels", "fewer");
  }

  @Test
  void aRawFileOfWikitextIsReadPageByPage() throws IOException {
    Path raw =
        Files.writeString(
            dir.resolve("wiki.test.raw"),
            " \n = One = \n \n Some text , with @-@ marks . \n = = Part = = \n more\n = Two = \n end\n");
    Task task = Tasks.of("wikitext");
    List<JsonObject> pages = Documents.read(raw, task, 9);
    assertThat(pages).hasSize(2);
    Item.Page one = (Item.Page) task.item(pages.get(0));
    assertThat(one.text()).startsWith(" = One =\n").contains("Some text, with-marks.");
    assertThat(one.bytes()).isEqualTo(pages.get(0).string("page").length());
    assertThat(pages.get(0).string("page") + "\n" + pages.get(1).string("page"))
        .isEqualTo(Files.readString(raw).substring(2));
  }

  @Test
  void aQuestionIsLearnedWithItsPrompt() throws FormatException, IOException {
    Example e =
        Tasks.of("piqa")
            .read(
                JsonObject.parse(
                    "x", "{\"goal\":\"g\",\"sol1\":\"a\",\"sol2\":\"b\",\"label\":1}"));
    assertThat(e).isEqualTo(Example.of("Question: g\nAnswer:", " b"));
  }

  @Test
  void documentsThatDoNotFitAreRefusedWithLineFieldAndRule() {
    String piqa = "{\"goal\":\"g\",\"sol1\":\"a\",\"sol2\":\"b\"";
    refused("piqa", "{\"goal\":\"g\"}", "line 3", "field sol1", "missing");
    refused("piqa", piqa + "}", "field label", "missing");
    refused("piqa", piqa + ",\"label\":2}", "field label", "index of the 2 choices", "2");
    refused("piqa", piqa + ",\"label\":\"x\"}", "field label", "whole number", "x");
    refused("piqa", piqa.replace("\"b\"", "\"\"") + ",\"label\":0}", "empty choice");
    String arc = "{\"question\":\"q\",\"choices\":{\"text\":[\"a\"],\"label\":[\"A\"]}";
    refused("arc_easy", arc + ",\"answerKey\":\"C\"}", "answerKey", "[A]", "C");
    refused("arc_easy", arc + "}", "answerKey", "missing");
    refused("arc_easy", "{\"question\":\"q\",\"answerKey\":\"A\"}", "choices", "missing");
    refused("openbookqa", "{\"question\":{\"stem\":\"s\"}}", "choices", "missing");
    refused("hellaswag", "{\"activity_label\":\"a\",\"ctx_a\":\"b\"}", "ctx_b", "missing");
    refused("webqs", "{\"question\":\"q\",\"answers\":[]}", "answers", "empty");
    refused("sciq", "{\"question\":\"q\"}", "support", "missing");
    refused("sciq", "{\"question\":\"q\",\"support\":\"\"}", "distractor1", "missing");
    refused("wikitext", "{\"text\":\"q\"}", "page", "missing");
    refused("race", "{\"article\":\"a\",\"problems\":\"[{'a': \"}", "problems", "character");
    refused("race", "{\"article\":\"a\",\"problems\":\"[]\"}", "problems", "hold a question");
    refused("race", "{\"article\":\"a\",\"problems\":\"" + "[".repeat(99) + "\"}", "nested");
    refused("race", "{\"article\":\"a\"}", "questions", "missing");
    refused(
        "race",
        "{\"article\":\"a\",\"problems\":[{\"question\":\"q\",\"answer\":\"E\",\"options\":[\"a\",\"b\",\"c\",\"d\"]}]}",
        "answer",
        "A, B, C or D");
  }

  private static void refused(String task, String json, String... words) {
    assertThatThrownBy(() -> question(task, json))
        .isInstanceOf(FormatException.class)
        .hasMessageContainingAll(words);
  }

  @Test
  void tasksThatAreNoneAreRefused() {
    String ok =
        "{\"task\":\"t\",\"kind\":\"multiple_choice\",\"context\":\"{{a}}\",\"choices\":[\"{{b}}\"],"
            + "\"answer\":0,\"metrics\":[\"acc\"]}";
    bad(ok.replace("multiple_choice", "essay"), "kind", "multiple_choice or text");
    bad(ok.replace("acc\"", "bleu\""), "metrics", "acc_norm", "bleu");
    bad(ok.replace("[\"acc\"]", "[]"), "metrics", "empty");
    bad(ok.replace("[\"acc\"]", "[\"bits_per_byte\"]"), "metrics", "acc_norm");
    bad(ok.replace("{{a}}", "{{a|upper}}"), "context", "lstrip", "upper");
    bad(ok.replace("{{a}}", "{{a b}}"), "context", "{{field}}");
    bad(ok.replace("[\"{{b}}\"]", "[]"), "choices", "empty");
    bad(ok.replace("\"answer\":0", "\"answer\":[1]"), "answer", "index");
    bad(ok.replace("\"task\"", "\"few\":1,\"task\""), "few", "none of a task's fields");
    bad(ok.replace("\"task\"", "\"prepare\":\"x\",\"task\""), "prepare", "hellaswag", "x");
  }

  private static void bad(String json, String... words) {
    assertThatThrownBy(() -> new Task(JsonObject.parse("t.json", json)))
        .isInstanceOf(FormatException.class)
        .hasMessageContainingAll(words);
  }

  @Test
  void pythonsTextIsReadWithItsEscapes() {
    assertThat(PythonLiteral.read("[{'a': \"it's\", 'b': ['x\\n', '\\u00e9\\'', \"\\x41\"]}, ]"))
        .isEqualTo(List.of(java.util.Map.of("a", "it's", "b", List.of("x\n", "é'", "A"))));
    for (String wrong : List.of("", "[", "'a", "'\\q'", "'\\xzz'", "[1]", "'a' 'b'", "{'a' 1}"))
      assertThatThrownBy(() -> PythonLiteral.read(wrong))
          .isInstanceOf(IllegalArgumentException.class)
          .hasMessageContaining("character");
  }
}

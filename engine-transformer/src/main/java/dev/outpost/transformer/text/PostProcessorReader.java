package dev.outpost.transformer.text;

import dev.outpost.tensor.io.FormatException;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

/** Reads the {@code post_processor} of a tokenizer.json. */
final class PostProcessorReader {
  private static final int MOST_TYPES = 1 << 16;

  private PostProcessorReader() {}

  static PostProcessor read(Json root) throws FormatException {
    List<PostProcessor> found = new ArrayList<>();
    read(root, found);
    if (found.size() > 1) {
      throw root.wrong("only one step of a Sequence may place special tokens", "");
    }
    return found.isEmpty() ? PostProcessor.NONE : found.getFirst();
  }

  private static void read(Json step, List<PostProcessor> out) throws FormatException {
    if (step.isNull()) return;
    Json type = step.get("type");
    switch (type.text()) {
      case "Sequence" -> {
        for (Json s : step.get("processors").items()) read(s, out);
      }
      // Concerns offsets only.
      case "ByteLevel" -> {}
      case "TemplateProcessing" -> out.add(template(step));
      case "BertProcessing" ->
          out.add(PostProcessor.bert(token(step.get("cls")), token(step.get("sep"))));
      case "RobertaProcessing" ->
          out.add(PostProcessor.roberta(token(step.get("cls")), token(step.get("sep"))));
      default ->
          throw type.wrong(
              "this post-processor is not supported",
              "supported are ByteLevel, TemplateProcessing, BertProcessing, RobertaProcessing and"
                  + " a Sequence of these");
    }
  }

  /** {@code ["[SEP]", 102]}. */
  private static int token(Json pair) throws FormatException {
    List<Json> items = pair.items();
    if (items.size() != 2) throw pair.wrong("must be a token and its id", "");
    String _ = items.get(0).text();
    return items.get(1).integer(0, VocabularyReader.MAX_ID);
  }

  private static PostProcessor template(Json step) throws FormatException {
    Map<String, List<Integer>> special = new HashMap<>();
    for (Map.Entry<String, Json> e : step.get("special_tokens").fields().entrySet()) {
      List<Integer> ids = new ArrayList<>();
      for (Json id : e.getValue().get("ids").items()) {
        ids.add(id.integer(0, VocabularyReader.MAX_ID));
      }
      special.put(e.getKey(), ids);
    }
    Json single = step.get("single");
    PostProcessor read =
        new PostProcessor(pieces(single, special), pieces(step.get("pair"), special));
    for (PostProcessor.Piece piece : read.single()) {
      if (piece instanceof PostProcessor.Text t && t.index() == 1) {
        throw single.wrong("must not use the second text", "");
      }
    }
    return read;
  }

  private static List<PostProcessor.Piece> pieces(Json list, Map<String, List<Integer>> special)
      throws FormatException {
    List<PostProcessor.Piece> pieces = new ArrayList<>();
    for (Json item : list.items()) {
      Json sequence = item.get("Sequence");
      Json token = item.get("SpecialToken");
      Json piece = sequence.isNull() ? token : sequence;
      String id = piece.get("id").text();
      int type = piece.get("type_id").integer(0, MOST_TYPES);
      if (!sequence.isNull()) {
        if (!id.equals("A") && !id.equals("B")) throw piece.get("id").wrong("must be A or B", "");
        pieces.add(new PostProcessor.Text(id.equals("A") ? 0 : 1, type));
        continue;
      }
      List<Integer> ids = special.get(id);
      if (ids == null) throw piece.get("id").wrong("must be among special_tokens", "");
      pieces.add(new PostProcessor.Special(ids, type));
    }
    return pieces;
  }
}

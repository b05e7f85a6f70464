package dev.outpost.transformer.family;

import dev.outpost.tensor.io.FormatException;
import dev.outpost.tensor.io.JsonObject;
import dev.outpost.transformer.Spec;
import java.util.ArrayList;
import java.util.List;

/**
 * What the classes of a model are called.
 *
 * @param names by class; empty where the head is none of classes
 */
public record Labels(List<String> names) {
  public Labels {
    names = List.copyOf(names);
  }

  /** {@code LABEL_0}, {@code LABEL_1}, …, as the reference calls classes without a name. */
  public static Labels numbered(Spec s) {
    List<String> names = new ArrayList<>();
    if (s.head().kind() == Spec.HeadKind.CLASSES)
      for (int i = 0; i < s.head().outputs(); i++) names.add("LABEL_" + i);
    return new Labels(names);
  }

  /** The field {@code id2label} of a {@code config.json}, numbered ones where it is missing. */
  public static Labels read(JsonObject config, Spec s) throws FormatException {
    List<String> names = new ArrayList<>(numbered(s).names);
    if (names.isEmpty() || !config.has("id2label")) return new Labels(names);
    JsonObject o = config.object("id2label");
    for (int i = 0; i < names.size(); i++) names.set(i, o.string("" + i));
    return new Labels(names);
  }

  /** A {@code config.json} with these names. */
  public JsonObject into(JsonObject config) {
    if (names.isEmpty()) return config;
    JsonObject id2label = JsonObject.create();
    JsonObject label2id = JsonObject.create();
    for (int i = 0; i < names.size(); i++) {
      id2label.put("" + i, names.get(i));
      label2id.put(names.get(i), i);
    }
    return config.put("id2label", id2label).put("label2id", label2id);
  }
}

package dev.outpost.transformer.load;

import java.util.List;

/**
 * What loading a checkpoint found besides the parameters it needed.
 *
 * @param unused tensors in the file that are no parameter of the model
 * @param ignored buffers that the format is known to carry and that are recomputed
 * @param notes anything else a user may want to know
 */
public record LoadReport(List<String> unused, List<String> ignored, List<String> notes) {
  public LoadReport {
    unused = List.copyOf(unused);
    ignored = List.copyOf(ignored);
    notes = List.copyOf(notes);
  }
}

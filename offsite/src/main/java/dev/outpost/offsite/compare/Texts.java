package dev.outpost.offsite.compare;

import dev.outpost.transformer.data.TrainingData;
import dev.outpost.transformer.text.Tokenizer;
import java.io.IOException;

/** Reads a plan's texts: files, folders or archives as rows of tokens. */
@FunctionalInterface
public interface Texts {
  /** Rows to learn from and rows that are held back; the same text gives the same rows. */
  TrainingData rows(ComparePlan.Text text, Tokenizer tokenizer) throws IOException;
}

package dev.outpost.offsite.app;

import dev.outpost.offsite.live.LiveSnapshot;
import dev.outpost.transformer.train.EventFile;
import dev.outpost.transformer.train.Progress;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.InstantSource;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Option;

/** Where figures go that TensorBoard shows. */
final class EventOptions {
  @Option(
      names = "--tensorboard",
      paramLabel = "DIR",
      description =
          "Also write the figures of every step to event files in this folder, for TensorBoard. Default: nowhere.")
  @Nullable Path folder;

  /** Takes figures, or nothing where no folder was given. */
  Events open(Console console) {
    BadInput.unless(
        folder == null || !Files.exists(folder) || Files.isDirectory(folder),
        "--tensorboard: " + folder + " is a file; give a folder");
    return new Events(console, folder);
  }

  /**
   * Figures by step. The file begins with the first of them, so that a run that goes on replaces
   * what an earlier one told of the steps after the saved state. What cannot be written is said
   * once and ends no run.
   */
  static final class Events implements AutoCloseable {
    private final Console console;
    private @Nullable Path folder;
    private @Nullable EventFile file;

    private Events(Console console, @Nullable Path folder) {
      this.console = console;
      this.folder = folder;
    }

    synchronized void add(long step, String tag, double value) {
      if (folder == null) return;
      try {
        EventFile to = file;
        if (to == null) to = EventFile.create(folder, step, InstantSource.system());
        file = to;
        to.add(step, tag, value);
      } catch (IOException e) {
        console.error("--tensorboard: goes on without event files: " + e.getMessage());
        close();
        folder = null;
      }
    }

    /** What a federation's round came to; what is not known of it is not told. */
    void round(LiveSnapshot.Round r) {
      told(r, "round/loss_before", r.lossBefore());
      told(r, "round/loss_after", r.lossAfter());
      told(r, "round/change", r.change());
      told(r, "round/plug_in_perplexity", r.plugIn());
      told(r, "round/delay_median_seconds", r.delays().median());
      told(r, "round/delay_most_seconds", r.delays().most());
      told(r, "round/updates", r.handedIn());
      told(r, "round/missing", r.missing());
      told(r, "round/refused", r.refused());
      told(r, "round/sent_mib", r.sent() / 1048576.0);
      told(r, "round/received_mib", r.received() / 1048576.0);
    }

    private void told(LiveSnapshot.Round r, String tag, double value) {
      if (!Double.isNaN(value)) add(r.round(), tag, value);
    }

    /** The same progress, told to event files too. */
    Progress beside(Progress other) {
      if (folder == null) return other;
      return new Progress() {
        @Override
        public void step(Step s) {
          add(s.step(), "training/loss", s.loss());
          add(s.step(), "training/learning_rate", s.learningRate());
          add(s.step(), "training/gradient_norm", s.gradientNorm());
          add(s.step(), "training/workspace_mib", s.workspaceBytes() / 1048576.0);
          other.step(s);
        }

        @Override
        public void evaluated(int step, double meanLoss, boolean best) {
          add(step, "validation/loss", meanLoss);
          add(step, "validation/perplexity", Math.exp(meanLoss));
          other.evaluated(step, meanLoss, best);
        }

        @Override
        public boolean stopRequested() {
          return other.stopRequested();
        }
      };
    }

    @Override
    public synchronized void close() {
      try {
        if (file != null) file.close();
      } catch (IOException e) {
        console.error("--tensorboard: " + e.getMessage());
      }
      file = null;
    }
  }
}

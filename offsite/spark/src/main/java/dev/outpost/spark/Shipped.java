package dev.outpost.spark;

import dev.outpost.offsite.artifact.MethodFields;
import dev.outpost.offsite.federated.AdapterValues;
import dev.outpost.offsite.federated.LocalPlan;
import dev.outpost.offsite.simulation.ClientResult;
import dev.outpost.offsite.simulation.ClientRunner;
import dev.outpost.offsite.simulation.ClientWork;
import dev.outpost.tensor.Shape;
import dev.outpost.tensor.Tensor;
import dev.outpost.tensor.io.FormatException;
import dev.outpost.tensor.io.JsonObject;
import java.io.Serial;
import java.io.Serializable;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * What travels between Spark's driver and its executors: plain numbers and texts, since the
 * engine's own types are not made to be serialised by Java. Only the cluster's own processes write
 * and read them.
 */
final class Shipped {
  private Shipped() {}

  /** Values of an adapter. */
  record Values(String[] names, int[][] shapes, float[][] numbers) implements Serializable {
    @Serial private static final long serialVersionUID = 1;

    static @Nullable Values of(@Nullable AdapterValues values) {
      if (values == null) return null;
      int n = values.names().size();
      Values out = new Values(new String[n], new int[n][], new float[n][]);
      int i = 0;
      for (Map.Entry<String, Tensor> e : values.tensors().entrySet()) {
        out.names[i] = e.getKey();
        Shape shape = e.getValue().shape();
        out.shapes[i] = new int[shape.rank()];
        for (int d = 0; d < shape.rank(); d++) out.shapes[i][d] = shape.dim(d);
        out.numbers[i++] = e.getValue().toArray();
      }
      return out;
    }

    static @Nullable AdapterValues back(@Nullable Values values) {
      return values == null ? null : values.adapter();
    }

    AdapterValues adapter() {
      Map<String, Tensor> tensors = new LinkedHashMap<>();
      for (int i = 0; i < names.length; i++)
        tensors.put(names[i], Tensor.of(Shape.of(shapes[i]), numbers[i]));
      return new AdapterValues(tensors);
    }
  }

  /** What all rounds share. */
  record Setting(
      String pack,
      String method,
      int steps,
      int batch,
      float rate,
      float weightDecay,
      float proximal,
      boolean scaffold,
      int[] tokens,
      int length)
      implements Serializable {
    @Serial private static final long serialVersionUID = 1;

    static Setting of(ClientRunner.Setting s) {
      JsonObject method = JsonObject.create().put("method", s.method().name());
      MethodFields.put(method, s.method());
      LocalPlan l = s.local();
      return new Setting(
          s.pack().toAbsolutePath().toString(),
          method.toLine(),
          l.steps(),
          l.batch(),
          l.rate(),
          l.weightDecay(),
          l.proximal(),
          l.scaffold(),
          s.tokens(),
          s.length());
    }

    ClientRunner.Setting back() throws FormatException {
      return new ClientRunner.Setting(
          Path.of(pack),
          MethodFields.read(JsonObject.parse("setting", method)),
          new LocalPlan(steps, batch, rate, weightDecay, proximal, scaffold),
          tokens,
          length);
    }
  }

  /** What a round starts from. */
  record Start(int round, Values global, @Nullable Values control) implements Serializable {
    @Serial private static final long serialVersionUID = 1;

    static Start of(ClientRunner.Start s) {
      Values global = Values.of(s.global());
      if (global == null) throw new IllegalArgumentException("spark: a round starts from values");
      return new Start(s.round(), global, Values.of(s.control()));
    }

    ClientRunner.Start back() {
      return new ClientRunner.Start(round, global.adapter(), Values.back(control));
    }
  }

  /** One client's work. */
  record Work(int client, long seed, int[] rows, @Nullable Values own) implements Serializable {
    @Serial private static final long serialVersionUID = 1;

    static Work of(ClientWork w) {
      return new Work(w.client(), w.seed(), w.rows(), Values.of(w.own()));
    }

    ClientWork back() {
      return new ClientWork(client, seed, rows, Values.back(own));
    }
  }

  /** What one client returns. */
  record Result(int client, Values values, @Nullable Values own) implements Serializable {
    @Serial private static final long serialVersionUID = 1;

    static Result of(ClientResult r) {
      Values values = Values.of(r.values());
      if (values == null) throw new IllegalArgumentException("spark: a client returns values");
      return new Result(r.client(), values, Values.of(r.own()));
    }

    ClientResult back() {
      return new ClientResult(client, values.adapter(), Values.back(own));
    }
  }
}

package dev.outpost.transformer.text.chat;

import java.util.ArrayList;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import org.jspecify.annotations.Nullable;

/**
 * Runs a template. It can reach nothing but the values it was given, and takes no more than a
 * number of steps and characters.
 */
final class Evaluator {
  private static final int MOST_STEPS = 2_000_000;
  private static final int DEEPEST = 250;
  private static final int LONGEST_RANGE = 100_000;

  /** How a body ended. */
  private enum Flow {
    ON,
    BREAK,
    CONTINUE
  }

  /** Names of a body; a loop's body sees those around it and sets its own. */
  private static final class Scope {
    private final @Nullable Scope outer;
    private final Map<String, @Nullable Object> names = new HashMap<>();

    Scope(@Nullable Scope outer) {
      this.outer = outer;
    }

    @Nullable Object get(String name) {
      for (Scope s = this; s != null; s = s.outer) {
        if (s.names.containsKey(name)) return s.names.get(name);
      }
      return Values.UNDEFINED;
    }
  }

  private final Scope globals = new Scope(null);
  private StringBuilder out = new StringBuilder();
  private int steps;
  private long written;
  private int depth;
  private int line = 1;

  Evaluator(Map<String, @Nullable Object> variables) {
    globals.names.putAll(variables);
  }

  /**
   * The text a template makes.
   *
   * @throws TemplateException if it fails, or refuses the conversation
   */
  String render(List<Node> template) {
    try {
      body(template, globals);
    } catch (TemplateException e) {
      throw new TemplateException("line " + line + ": " + e.getMessage());
    }
    return out.toString();
  }

  private void step() {
    if (++steps > MOST_STEPS)
      throw new TemplateException("takes more than " + MOST_STEPS + " steps");
  }

  /** Counts what making or going through a value costs beyond a step. */
  private void charge(@Nullable Object value) {
    steps +=
        switch (value) {
          case String s -> s.length() / 128;
          case List<?> list -> list.size() / 4;
          case Map<?, ?> map -> map.size() / 4;
          case null, default -> 0;
        };
  }

  private void enter() {
    if (++depth > DEEPEST)
      throw new TemplateException("calls itself more than " + DEEPEST + " deep");
  }

  private void write(String text) {
    written += text.length();
    Values.requireRoom(written);
    out.append(text);
  }

  private Flow body(List<Node> nodes, Scope scope) {
    enter();
    try {
      for (Node node : nodes) {
        step();
        Flow flow = node(node, scope);
        if (flow != Flow.ON) return flow;
      }
      return Flow.ON;
    } finally {
      depth--;
    }
  }

  private Flow node(Node node, Scope scope) {
    switch (node) {
      case Node.Text t -> write(t.text());
      case Node.Print p -> {
        line = p.line();
        write(Values.text(value(p.value(), scope)));
      }
      case Node.If i -> {
        line = i.line();
        for (int k = 0; k < i.conditions().size(); k++) {
          if (truth(i.conditions().get(k), scope)) return body(i.bodies().get(k), scope);
        }
        return body(i.otherwise(), scope);
      }
      case Node.For f -> {
        line = f.line();
        return loop(f, scope);
      }
      case Node.Set s -> {
        line = s.line();
        set(s, value(s.value(), scope), scope);
      }
      case Node.SetBlock s -> scope.names.put(s.name(), captured(s.body(), new Scope(scope)));
      case Node.Macro m -> scope.names.put(m.name(), macro(m));
      case Node.Group g -> {
        return body(g.body(), scope);
      }
      case Node.Leave l -> {
        return l.forGood() ? Flow.BREAK : Flow.CONTINUE;
      }
    }
    return Flow.ON;
  }

  private String captured(List<Node> body, Scope scope) {
    StringBuilder outside = out;
    out = new StringBuilder();
    try {
      body(body, scope);
      return out.toString();
    } finally {
      out = outside;
    }
  }

  private void set(Node.Set s, @Nullable Object value, Scope scope) {
    if (s.attribute() != null) {
      if (!(scope.get(s.names().getFirst()) instanceof Values.Namespace namespace)) {
        throw new TemplateException("\"" + s.names().getFirst() + "\" is no namespace");
      }
      namespace.variables().put(s.attribute(), value);
      return;
    }
    assign(s.names(), value, scope);
  }

  private static void assign(List<String> names, @Nullable Object value, Scope scope) {
    if (names.size() == 1) {
      scope.names.put(names.getFirst(), value);
      return;
    }
    List<?> values = Values.items(value);
    if (values.size() != names.size()) {
      throw new TemplateException(names.size() + " names for " + values.size() + " values");
    }
    for (int i = 0; i < names.size(); i++) scope.names.put(names.get(i), values.get(i));
  }

  private Flow loop(Node.For f, Scope scope) {
    List<@Nullable Object> items = new ArrayList<>();
    for (Object item : Values.items(value(f.over(), scope))) {
      step();
      if (f.condition() != null) {
        Scope trial = new Scope(scope);
        assign(f.names(), item, trial);
        if (!truth(f.condition(), trial)) continue;
      }
      items.add(item);
    }
    if (items.isEmpty()) return body(f.otherwise(), scope);
    for (int i = 0; i < items.size(); i++) {
      step();
      Scope inside = new Scope(scope);
      assign(f.names(), items.get(i), inside);
      inside.names.put("loop", position(items, i));
      if (body(f.body(), inside) == Flow.BREAK) break;
    }
    return Flow.ON;
  }

  private static Map<String, @Nullable Object> position(List<@Nullable Object> items, int i) {
    int n = items.size();
    Map<String, @Nullable Object> loop = new HashMap<>();
    loop.put("index", i + 1L);
    loop.put("index0", (long) i);
    loop.put("revindex", (long) n - i);
    loop.put("revindex0", n - i - 1L);
    loop.put("first", i == 0);
    loop.put("last", i == n - 1);
    loop.put("length", (long) n);
    loop.put("previtem", i == 0 ? Values.UNDEFINED : items.get(i - 1));
    loop.put("nextitem", i == n - 1 ? Values.UNDEFINED : items.get(i + 1));
    return loop;
  }

  private Values.Function macro(Node.Macro m) {
    return (positional, named) -> {
      if (positional.size() > m.parameters().size()) {
        throw new TemplateException("macro " + m.name() + " takes fewer arguments");
      }
      Scope scope = new Scope(globals);
      for (int i = 0; i < m.parameters().size(); i++) {
        String name = m.parameters().get(i);
        Expr otherwise = m.defaults().get(i);
        Object value = Values.UNDEFINED;
        if (i < positional.size()) value = positional.get(i);
        else if (named.containsKey(name)) value = named.get(name);
        else if (otherwise != null) value = value(otherwise, scope);
        scope.names.put(name, value);
      }
      return captured(m.body(), scope);
    };
  }

  private boolean truth(Expr e, Scope scope) {
    return Values.truth(value(e, scope));
  }

  private @Nullable Object value(Expr e, Scope scope) {
    step();
    enter();
    try {
      Object value = made(e, scope);
      if (!(e instanceof Expr.Name || e instanceof Expr.Item || e instanceof Expr.Choice))
        charge(value);
      return value;
    } finally {
      depth--;
    }
  }

  private @Nullable Object made(Expr e, Scope scope) {
    return switch (e) {
      case Expr.Literal l -> l.value();
      case Expr.Name n -> scope.get(n.name());
      case Expr.ListOf l -> values(l.items(), scope);
      case Expr.DictOf d -> {
        Map<String, @Nullable Object> map = new LinkedHashMap<>();
        for (int i = 0; i < d.keys().size(); i++) {
          map.put(Values.text(value(d.keys().get(i), scope)), value(d.values().get(i), scope));
        }
        yield map;
      }
      case Expr.Item i -> item(value(i.of(), scope), value(i.key(), scope), i.attribute());
      case Expr.Slice s -> slice(s, scope);
      case Expr.Call c -> call(c, scope);
      case Expr.Filter f -> {
        Object of = value(f.of(), scope);
        charge(of);
        yield Builtins.filter(f.name(), of, given(f.arguments(), scope));
      }
      case Expr.Test t ->
          Builtins.test(t.name(), value(t.of(), scope), given(t.arguments(), scope)) != t.negated();
      case Expr.Unary u -> {
        Object of = value(u.of(), scope);
        yield switch (u.operator()) {
          case "not" -> !Values.truth(of);
          case "-" -> of instanceof Double d ? (Object) (-d) : (Object) (-Values.toLong(of));
          default -> of;
        };
      }
      case Expr.Binary b -> binary(b, scope);
      case Expr.Compare c -> compare(c, scope);
      case Expr.Choice c -> {
        if (truth(c.condition(), scope)) yield value(c.then(), scope);
        yield c.otherwise() == null ? Values.UNDEFINED : value(c.otherwise(), scope);
      }
    };
  }

  private List<@Nullable Object> values(List<Expr> items, Scope scope) {
    List<@Nullable Object> values = new ArrayList<>();
    for (Expr item : items) values.add(value(item, scope));
    return values;
  }

  private Builtins.Given given(Expr.Arguments a, Scope scope) {
    Map<String, @Nullable Object> named = new LinkedHashMap<>();
    for (int i = 0; i < a.names().size(); i++) {
      named.put(a.names().get(i), value(a.named().get(i), scope));
    }
    return new Builtins.Given(values(a.positional(), scope), named);
  }

  private @Nullable Object item(@Nullable Object of, @Nullable Object key, boolean attribute) {
    if (of == Values.UNDEFINED) {
      throw new TemplateException("an undefined value has no part " + Values.text(key));
    }
    if (attribute) {
      Values.Function method = Builtins.method(of, Values.text(key));
      if (method != null) {
        charge(of);
        return method;
      }
    }
    return switch (of) {
      case Values.Namespace n -> n.variables().getOrDefault(Values.text(key), Values.UNDEFINED);
      case Map<?, ?> map ->
          key instanceof String s && map.containsKey(s) ? map.get(s) : Values.UNDEFINED;
      case List<?> list when key instanceof Long n -> {
        long at = n < 0 ? n + list.size() : n;
        yield at >= 0 && at < list.size() ? list.get((int) at) : Values.UNDEFINED;
      }
      case String s when key instanceof Long n -> {
        long length = s.codePointCount(0, s.length());
        long at = n < 0 ? n + length : n;
        yield at >= 0 && at < length
            ? Character.toString(s.codePointAt(s.offsetByCodePoints(0, (int) at)))
            : Values.UNDEFINED;
      }
      case null, default -> Values.UNDEFINED;
    };
  }

  private @Nullable Object slice(Expr.Slice s, Scope scope) {
    Object of = value(s.of(), scope);
    if (!(of instanceof String || of instanceof List)) {
      throw new TemplateException("a " + Values.kind(of) + " cannot be sliced");
    }
    int[] letters = of instanceof String letter ? letter.codePoints().toArray() : new int[0];
    List<?> items = of instanceof List<?> list ? list : List.of();
    charge(of);
    long step = bound(s.step(), 1, scope);
    if (step == 0) throw new TemplateException("a slice's step must not be 0");
    int n = items.size() + letters.length;
    long from = clamped(bound(s.from(), step > 0 ? 0 : Long.MAX_VALUE, scope), n, step);
    long to = s.to() == null ? (step > 0 ? n : -1) : clamped(bound(s.to(), 0, scope), n, step);
    List<@Nullable Object> some = new ArrayList<>();
    StringBuilder text = new StringBuilder();
    for (long i = from; step > 0 ? i < to : i > to; i += step) {
      if (of instanceof String) text.appendCodePoint(letters[(int) i]);
      else some.add(items.get((int) i));
    }
    return of instanceof String ? text.toString() : some;
  }

  private long bound(@Nullable Expr e, long otherwise, Scope scope) {
    Object value = e == null ? null : value(e, scope);
    return value == null ? otherwise : Math.clamp(Values.toLong(value), -(1L << 40), 1L << 40);
  }

  private static long clamped(long at, int n, long step) {
    long place = at < 0 ? at + n : at;
    return step > 0 ? Math.clamp(place, 0, n) : Math.clamp(place, -1, n - 1);
  }

  private @Nullable Object call(Expr.Call c, Scope scope) {
    Builtins.Given given = given(c.arguments(), scope);
    if (c.function() instanceof Expr.Name name && scope.get(name.name()) == Values.UNDEFINED) {
      return global(name.name(), given);
    }
    Object function = value(c.function(), scope);
    if (function instanceof Values.Function f) return f.call(given.positional(), given.named());
    String what =
        c.function() instanceof Expr.Item i && i.key() instanceof Expr.Literal l
            ? Values.text(l.value())
            : Values.kind(function);
    throw new TemplateException("\"" + what + "\" cannot be called");
  }

  private static Object global(String name, Builtins.Given given) {
    return switch (name) {
      case "raise_exception" ->
          throw new TemplateException(Values.text(given.at(0, "message", "")));
      case "namespace" -> new Values.Namespace(Builtins.fields(given.positional(), given.named()));
      case "dict" -> Builtins.fields(given.positional(), given.named());
      case "range" -> range(given.positional());
      default -> throw new TemplateException("the function \"" + name + "\" is not supported");
    };
  }

  private static List<@Nullable Object> range(List<@Nullable Object> given) {
    if (given.isEmpty() || given.size() > 3)
      throw new TemplateException("range takes one to three numbers, got " + given.size());
    long from = given.size() > 1 ? Values.toLong(given.get(0)) : 0;
    long to = Values.toLong(given.get(given.size() > 1 ? 1 : 0));
    long step = given.size() > 2 ? Values.toLong(given.get(2)) : 1;
    if (step == 0) throw new TemplateException("range's step must not be 0");
    // In doubles nothing wraps; what they round is far beyond the limit.
    double length = Math.ceil(((double) to - from) / step);
    if (length > LONGEST_RANGE) throw new TemplateException("range is too long");
    List<@Nullable Object> out = new ArrayList<>();
    for (int i = 0; i < length; i++) out.add(from + i * step);
    return out;
  }

  private @Nullable Object binary(Expr.Binary b, Scope scope) {
    Object left = value(b.left(), scope);
    if (b.operator().equals("and")) return Values.truth(left) ? value(b.right(), scope) : left;
    if (b.operator().equals("or")) return Values.truth(left) ? left : value(b.right(), scope);
    Object right = value(b.right(), scope);
    if (b.operator().equals("~")) return concatenated(Values.text(left), Values.text(right));
    if (b.operator().equals("+")) {
      if (left instanceof String s && right instanceof String t) return concatenated(s, t);
      if (left instanceof List<?> l && right instanceof List<?> r) {
        List<@Nullable Object> both = new ArrayList<>(l);
        both.addAll(r);
        Values.requireRoom(both.size());
        return both;
      }
    }
    if (b.operator().equals("*") && left instanceof String s) {
      long times = Math.max(0, Values.toLong(right));
      Values.requireRoom(Math.max(times, times * (long) s.length()));
      return s.isEmpty() ? s : s.repeat((int) times);
    }
    return arithmetic(b.operator(), left, right);
  }

  private String concatenated(String a, String b) {
    written += 1 + (a.length() + b.length()) / 64;
    Values.requireRoom(Math.max(written, (long) a.length() + b.length()));
    return a + b;
  }

  private static Object arithmetic(String operator, @Nullable Object left, @Nullable Object right) {
    if (!Values.isNumber(left) || !Values.isNumber(right)) {
      throw new TemplateException(
          operator + " does not go with a " + Values.kind(left) + " and a " + Values.kind(right));
    }
    double divisor = Values.toDouble(right);
    if (divisor == 0 && !"+-*".contains(operator)) throw new TemplateException("divides by 0");
    if (operator.equals("/")) return Values.toDouble(left) / divisor;
    if (left instanceof Double || right instanceof Double) {
      double a = Values.toDouble(left);
      return switch (operator) {
        case "+" -> a + divisor;
        case "-" -> a - divisor;
        case "*" -> a * divisor;
        case "//" -> Math.floor(a / divisor);
        default -> a - divisor * Math.floor(a / divisor);
      };
    }
    long a = Values.toLong(left);
    long b = Values.toLong(right);
    return switch (operator) {
      case "+" -> a + b;
      case "-" -> a - b;
      case "*" -> a * b;
      case "//" -> Math.floorDiv(a, b);
      default -> Math.floorMod(a, b);
    };
  }

  private boolean compare(Expr.Compare c, Scope scope) {
    Object left = value(c.first(), scope);
    charge(left);
    for (int i = 0; i < c.operators().size(); i++) {
      Object right = value(c.others().get(i), scope);
      charge(right);
      boolean holds =
          switch (c.operators().get(i)) {
            case "==" -> Values.equal(left, right);
            case "!=" -> !Values.equal(left, right);
            case "in" -> Values.contains(right, left);
            case "not in" -> !Values.contains(right, left);
            case "<" -> Values.compare(left, right) < 0;
            case "<=" -> Values.compare(left, right) <= 0;
            case ">" -> Values.compare(left, right) > 0;
            case ">=" -> Values.compare(left, right) >= 0;
            default -> throw new IllegalStateException(Objects.toString(c));
          };
      if (!holds) return false;
      left = right;
    }
    return true;
  }
}

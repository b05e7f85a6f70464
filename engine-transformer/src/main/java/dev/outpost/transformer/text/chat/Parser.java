package dev.outpost.transformer.text.chat;

import dev.outpost.transformer.text.chat.Expr.Arguments;
import dev.outpost.transformer.text.chat.Lexer.Kind;
import dev.outpost.transformer.text.chat.Lexer.Token;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/** Reads a template: the part of Jinja that chat templates use. What is not known is refused. */
final class Parser {
  private static final int DEEPEST = 100;
  private static final Set<String> COMPARISONS = Set.of("==", "!=", "<", "<=", ">", ">=");

  private final List<Token> tokens;
  private int at;
  private int depth;

  Parser(String source) {
    tokens = new Lexer(source).tokens();
  }

  List<Node> template() {
    List<Node> nodes = body();
    if (peek().kind() != Kind.END) throw wrong("a tag that opens nothing is closed here");
    return nodes;
  }

  private Token peek() {
    return tokens.get(at);
  }

  private Token next() {
    Token t = tokens.get(at);
    if (t.kind() != Kind.END) at++;
    return t;
  }

  private TemplateException wrong(String what) {
    return new TemplateException("line " + peek().line() + ": " + what);
  }

  private void enter() {
    if (++depth > DEEPEST) throw wrong("is nested more than " + DEEPEST + " deep");
  }

  private boolean take(String operator) {
    if (!peek().is(operator)) return false;
    at++;
    return true;
  }

  private boolean takeName(String name) {
    if (!peek().isName(name)) return false;
    at++;
    return true;
  }

  private void expect(String operator) {
    if (!take(operator)) throw wrong("expected \"" + operator + "\", got " + shown());
  }

  private String shown() {
    Token t = peek();
    return t.text().isEmpty() ? "the end" : "\"" + t.text() + "\"";
  }

  private String name() {
    if (peek().kind() != Kind.NAME) throw wrong("expected a name, got " + shown());
    return next().text();
  }

  private void endBlock() {
    if (next().kind() != Kind.BLOCK_END) {
      at--;
      throw wrong("expected the tag's end, got " + shown());
    }
  }

  /** Whether a block of this name begins here; takes its begin and name. */
  private boolean takeBlock(String name) {
    if (peek().kind() != Kind.BLOCK_BEGIN || !tokens.get(at + 1).isName(name)) return false;
    at += 2;
    return true;
  }

  /** Nodes up to a tag that is not one of their own. */
  private List<Node> body() {
    enter();
    List<Node> nodes = new ArrayList<>();
    while (true) {
      Token t = peek();
      switch (t.kind()) {
        case TEXT -> nodes.add(new Node.Text(next().text()));
        case PRINT_BEGIN -> {
          next();
          nodes.add(new Node.Print(tuple(), t.line()));
          if (next().kind() != Kind.PRINT_END) {
            at--;
            throw wrong("expected }}, got " + shown());
          }
        }
        case BLOCK_BEGIN -> {
          Node block = block();
          if (block == null) {
            depth--;
            return nodes;
          }
          nodes.add(block);
        }
        default -> {
          depth--;
          return nodes;
        }
      }
    }
  }

  private @Nullable Node block() {
    Token tag = tokens.get(at + 1);
    if (tag.kind() != Kind.NAME) throw wrong("a tag needs a name");
    switch (tag.text()) {
      case "elif", "else", "endif", "endfor", "endset", "endmacro", "endgeneration" -> {
        return null;
      }
      default -> at += 2;
    }
    return switch (tag.text()) {
      case "if" -> conditional(tag.line());
      case "for" -> loop(tag.line());
      case "set" -> set(tag.line());
      case "macro" -> macro();
      case "generation" -> {
        endBlock();
        List<Node> body = body();
        close("endgeneration");
        yield new Node.Group(body);
      }
      case "break", "continue" -> {
        endBlock();
        yield new Node.Leave(tag.text().equals("break"));
      }
      default -> throw wrong("the tag \"" + tag.text() + "\" is not supported");
    };
  }

  private void close(String name) {
    if (!takeBlock(name)) throw wrong("expected {% " + name + " %}");
    endBlock();
  }

  private Node conditional(int line) {
    List<Expr> conditions = new ArrayList<>();
    List<List<Node>> bodies = new ArrayList<>();
    do {
      conditions.add(expression());
      endBlock();
      bodies.add(body());
    } while (takeBlock("elif"));
    List<Node> otherwise = otherwise();
    close("endif");
    return new Node.If(conditions, bodies, otherwise, line);
  }

  private List<Node> otherwise() {
    if (!takeBlock("else")) return List.of();
    endBlock();
    return body();
  }

  private Node loop(int line) {
    List<String> names = names();
    if (!takeName("in")) throw wrong("expected in, got " + shown());
    Expr over = or();
    Expr condition = takeName("if") ? or() : null;
    endBlock();
    List<Node> body = body();
    List<Node> otherwise = otherwise();
    close("endfor");
    return new Node.For(names, over, condition, body, otherwise, line);
  }

  private List<String> names() {
    List<String> names = new ArrayList<>();
    boolean bracket = take("(");
    do names.add(name());
    while (take(","));
    if (bracket) expect(")");
    return names;
  }

  private Node set(int line) {
    List<String> names = names();
    String attribute = take(".") ? name() : null;
    if (!take("=")) {
      endBlock();
      List<Node> body = body();
      close("endset");
      if (names.size() != 1 || attribute != null) throw wrong("a set block names one variable");
      return new Node.SetBlock(names.getFirst(), body);
    }
    Expr value = tuple();
    endBlock();
    return new Node.Set(names, attribute, value, line);
  }

  private Node macro() {
    String name = name();
    List<String> parameters = new ArrayList<>();
    List<@Nullable Expr> defaults = new ArrayList<>();
    expect("(");
    while (!take(")")) {
      parameters.add(name());
      defaults.add(take("=") ? expression() : null);
      if (!peek().is(")")) expect(",");
    }
    endBlock();
    List<Node> body = body();
    if (!takeBlock("endmacro")) throw wrong("expected {% endmacro %}");
    takeName(name);
    endBlock();
    return new Node.Macro(name, parameters, defaults, body);
  }

  /** An expression, or several with commas between them, which are a list. */
  private Expr tuple() {
    Expr first = expression();
    if (!peek().is(",")) return first;
    List<Expr> items = new ArrayList<>(List.of(first));
    while (take(",")) items.add(expression());
    return new Expr.ListOf(items);
  }

  private Expr expression() {
    enter();
    Expr value = or();
    while (takeName("if")) {
      Expr condition = or();
      Expr otherwise = takeName("else") ? expression() : null;
      value = new Expr.Choice(condition, value, otherwise);
    }
    depth--;
    return value;
  }

  private Expr or() {
    Expr left = and();
    while (takeName("or")) left = new Expr.Binary("or", left, and());
    return left;
  }

  private Expr and() {
    Expr left = not();
    while (takeName("and")) left = new Expr.Binary("and", left, not());
    return left;
  }

  private Expr not() {
    if (!takeName("not")) return compare();
    enter();
    Expr value = new Expr.Unary("not", not());
    depth--;
    return value;
  }

  private Expr compare() {
    Expr first = sum();
    List<String> operators = new ArrayList<>();
    List<Expr> others = new ArrayList<>();
    while (true) {
      Token t = peek();
      if (t.kind() == Kind.OPERATOR && COMPARISONS.contains(t.text())) {
        operators.add(next().text());
      } else if (takeName("in")) {
        operators.add("in");
      } else if (t.isName("not") && tokens.get(at + 1).isName("in")) {
        at += 2;
        operators.add("not in");
      } else {
        return operators.isEmpty() ? first : new Expr.Compare(first, operators, others);
      }
      others.add(sum());
    }
  }

  private Expr sum() {
    Expr left = concat();
    while (peek().is("+") || peek().is("-")) {
      left = new Expr.Binary(next().text(), left, concat());
    }
    return left;
  }

  private Expr concat() {
    Expr left = product();
    while (take("~")) left = new Expr.Binary("~", left, product());
    return left;
  }

  private Expr product() {
    Expr left = unary(true);
    while (peek().is("*") || peek().is("/") || peek().is("//") || peek().is("%")) {
      left = new Expr.Binary(next().text(), left, unary(true));
    }
    return left;
  }

  private Expr unary(boolean withFilters) {
    enter();
    Expr value;
    if (peek().is("-") || peek().is("+")) value = new Expr.Unary(next().text(), unary(false));
    else value = primary();
    value = postfix(value);
    if (withFilters) value = filters(value);
    depth--;
    return value;
  }

  private Expr primary() {
    Token t = next();
    return switch (t.kind()) {
      case STRING -> {
        StringBuilder text = new StringBuilder(t.text());
        while (peek().kind() == Kind.STRING) text.append(next().text());
        yield new Expr.Literal(text.toString());
      }
      case INTEGER -> new Expr.Literal(integer(t.text()));
      case FLOAT -> new Expr.Literal(Double.parseDouble(t.text()));
      case NAME ->
          switch (t.text()) {
            case "true", "True" -> new Expr.Literal(true);
            case "false", "False" -> new Expr.Literal(false);
            case "none", "None" -> new Expr.Literal(null);
            default -> new Expr.Name(t.text());
          };
      case OPERATOR -> {
        if (t.is("(")) {
          Expr inner = peek().is(")") ? new Expr.ListOf(List.of()) : tuple();
          expect(")");
          yield inner;
        }
        if (t.is("[")) yield new Expr.ListOf(items("]"));
        if (t.is("{")) yield dict();
        at--;
        throw wrong("an expression cannot begin with " + shown());
      }
      default -> {
        at--;
        throw wrong("expected an expression, got " + shown());
      }
    };
  }

  private Object integer(String digits) {
    if (digits.length() > 18) throw wrong("the number " + digits + " is too large");
    return Long.parseLong(digits);
  }

  private List<Expr> items(String close) {
    List<Expr> items = new ArrayList<>();
    while (!take(close)) {
      items.add(expression());
      if (!peek().is(close)) expect(",");
    }
    return items;
  }

  private Expr dict() {
    List<Expr> keys = new ArrayList<>();
    List<Expr> values = new ArrayList<>();
    while (!take("}")) {
      keys.add(expression());
      expect(":");
      values.add(expression());
      if (!peek().is("}")) expect(",");
    }
    return new Expr.DictOf(keys, values);
  }

  private Expr postfix(Expr of) {
    Expr value = of;
    while (true) {
      if (take(".")) {
        String name = peek().kind() == Kind.INTEGER ? next().text() : name();
        value = new Expr.Item(value, new Expr.Literal(name), true);
      } else if (take("[")) {
        value = subscript(value);
      } else if (take("(")) {
        value = new Expr.Call(value, arguments());
      } else {
        return value;
      }
    }
  }

  private Expr subscript(Expr of) {
    Expr from = peek().is(":") ? null : expression();
    if (take("]")) return new Expr.Item(of, java.util.Objects.requireNonNull(from), false);
    expect(":");
    Expr to = peek().is(":") || peek().is("]") ? null : expression();
    Expr step = take(":") && !peek().is("]") ? expression() : null;
    expect("]");
    return new Expr.Slice(of, from, to, step);
  }

  private Arguments arguments() {
    List<Expr> positional = new ArrayList<>();
    List<String> names = new ArrayList<>();
    List<Expr> named = new ArrayList<>();
    while (!take(")")) {
      if (peek().kind() == Kind.NAME && tokens.get(at + 1).is("=")) {
        names.add(next().text());
        next();
        named.add(expression());
      } else {
        positional.add(expression());
      }
      if (!peek().is(")")) expect(",");
    }
    return new Arguments(positional, names, named);
  }

  private Expr filters(Expr of) {
    Expr value = of;
    while (true) {
      if (take("|")) {
        String name = name();
        value = new Expr.Filter(value, name, take("(") ? arguments() : Arguments.NONE);
      } else if (takeName("is")) {
        boolean negated = takeName("not");
        String name = name();
        Arguments arguments = Arguments.NONE;
        if (take("(")) {
          arguments = arguments();
        } else if (beginsArgument(peek())) {
          arguments = new Arguments(List.of(postfix(primary())), List.of(), List.of());
        }
        value = new Expr.Test(value, name, arguments, negated);
      } else if (peek().is("(")) {
        value = postfix(value);
      } else {
        return value;
      }
    }
  }

  private static boolean beginsArgument(Token t) {
    return switch (t.kind()) {
      case STRING, INTEGER, FLOAT -> true;
      case NAME -> !Set.of("else", "or", "and", "is", "in", "not", "if").contains(t.text());
      case OPERATOR -> t.is("[") || t.is("{");
      default -> false;
    };
  }
}

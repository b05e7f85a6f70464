package dev.outpost.transformer.text;

import dev.outpost.transformer.text.chat.ChatTemplate;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.Comparator;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.SequencedMap;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;

/**
 * A tokenizer as the Hugging Face tokenizers library puts it together: text is searched for added
 * tokens, normalised, cut into words, each word spelled by the model, the ids framed by special
 * tokens.
 */
final class PipelineTokenizer implements Tokenizer {
  private static final int[] NONE = {};

  private final Settings settings;
  private final @Nullable String[] tokens;
  private final Map<String, Integer> addedIds;
  private final Map<Integer, String> foundBy;
  private final AddedTokenFinder verbatim;
  private final AddedTokenFinder normalized;
  private final @Nullable ChatTemplate chatTemplate;

  /**
   * What a tokenizer is made of.
   *
   * @param added in order of id, each id either the vocabulary's for that text or its own
   */
  record Settings(Model model, List<AddedToken> added, Stages stages, TokenRoles roles) {}

  PipelineTokenizer(Settings settings) {
    this.settings = settings;
    chatTemplate = null;
    tokens = tokens(settings);
    addedIds = new HashMap<>();
    foundBy = new HashMap<>();
    Normalizer normalizer = settings.stages().normalizer();
    List<AddedToken> before = new ArrayList<>();
    List<AddedToken> after = new ArrayList<>();
    for (AddedToken t : settings.added()) {
      tokens[t.id()] = t.content();
      addedIds.put(t.content(), t.id());
      (t.normalized() ? after : before).add(t);
      // The reference decodes such a token to the spelling it was found by.
      if (t.normalized()) foundBy.put(t.id(), normalizer.apply(t.content()));
    }
    verbatim = new AddedTokenFinder(before, AddedToken::content);
    normalized = new AddedTokenFinder(after, t -> foundBy.getOrDefault(t.id(), t.content()));
  }

  private static @Nullable String[] tokens(Settings settings) {
    int largest = -1;
    for (int id : settings.model().ids().values()) largest = Math.max(largest, id);
    for (AddedToken t : settings.added()) largest = Math.max(largest, t.id());
    if (settings.model() instanceof Unigram u) largest = Math.max(largest, u.tokens().size() - 1);
    @Nullable String[] tokens = new @Nullable String[largest + 1];
    if (settings.model() instanceof Unigram u) {
      for (int id = 0; id < u.tokens().size(); id++) tokens[id] = u.tokens().get(id);
    }
    settings.model().ids().forEach((token, id) -> tokens[id] = token);
    return tokens;
  }

  private PipelineTokenizer(
      PipelineTokenizer same, Settings other, @Nullable ChatTemplate chatTemplate) {
    settings = other;
    this.chatTemplate = chatTemplate;
    tokens = same.tokens;
    addedIds = same.addedIds;
    foundBy = same.foundBy;
    verbatim = same.verbatim;
    normalized = same.normalized;
  }

  /** The same tokenizer with other roles; tables are shared. */
  PipelineTokenizer withRoles(TokenRoles roles) {
    return new PipelineTokenizer(
        this,
        new Settings(settings.model(), settings.added(), settings.stages(), roles),
        chatTemplate);
  }

  /** The same tokenizer, texts framed by begin and end of text as asked, where they are known. */
  PipelineTokenizer framed(boolean begin, boolean end) {
    PostProcessor frame =
        PostProcessor.around(
            begin ? beginOfText().stream().boxed().toList() : List.of(),
            end ? endOfText().stream().boxed().toList() : List.of());
    return new PipelineTokenizer(
        this,
        new Settings(
            settings.model(),
            settings.added(),
            settings.stages().withPostProcessor(frame),
            settings.roles()),
        chatTemplate);
  }

  PipelineTokenizer withChatTemplate(ChatTemplate template) {
    return new PipelineTokenizer(this, settings, template);
  }

  Settings settings() {
    return settings;
  }

  @Override
  public int[] encode(String text) {
    return spelled(text, new IntList(0)).toArray();
  }

  /**
   * @param ends where each word's ids end, doubled, and one more for an added token; not kept if
   *     its capacity is 0
   */
  private IntList spelled(String text, IntList ends) {
    IntList ids = new IntList(text.length() / 3 + 8);
    Stages stages = settings.stages();
    Model model = settings.model();
    // Where a piece begins matters to Metaspace: ids found before it say that it is not the first.
    boolean[] first = {true};
    boolean keepEnds = ends.capacity() > 0;
    PreTokenizer.Words words =
        (word, atStart) -> {
          model.spell(word, ids);
          if (keepEnds) ends.add(2 * ids.size());
        };
    boolean[] pieceFirst = {true};
    Consumer<String> plain =
        piece -> {
          stages.preTokenizer().split(piece, pieceFirst[0], words);
          pieceFirst[0] = false;
        };
    Consumer<String> unmatched =
        piece -> {
          Normalizer.Span span = stages.normalizer().apply(new Normalizer.Span(piece, first[0]));
          first[0] = false;
          pieceFirst[0] = span.atStart();
          normalized.split(
              span.text(),
              plain,
              id -> {
                ids.add(id);
                if (keepEnds) ends.add(2 * ids.size() + 1);
                pieceFirst[0] = false;
              });
        };
    verbatim.split(
        Characters.wellFormed(text),
        unmatched,
        id -> {
          ids.add(id);
          if (keepEnds) ends.add(2 * ids.size() + 1);
          first[0] = false;
        });
    return ids;
  }

  @Override
  public Encoding encode(String first, @Nullable String second, EncodingOptions options) {
    PostProcessor frame = settings.stages().postProcessor();
    boolean pair = second != null;
    int[][] texts = {
      limited(first, 0, options), second == null ? NONE : limited(second, 1, options)
    };
    if (options.truncation().isPresent()) {
      int added = options.addSpecialTokens() ? frame.added(pair) : 0;
      Truncator.cut(texts, pair, added, options.truncation().get());
    }
    IntList ids = new IntList(texts[0].length + texts[1].length + 8);
    IntList types = new IntList(texts[0].length + texts[1].length + 8);
    for (PostProcessor.Piece piece : frame.pieces(pair)) {
      switch (piece) {
        case PostProcessor.Text t -> ids.addAll(texts[t.index()]);
        case PostProcessor.Special s -> {
          if (options.addSpecialTokens()) s.ids().forEach(ids::add);
        }
      }
      while (types.size() < ids.size()) types.add(piece.typeId());
    }
    int[] mask = new int[ids.size()];
    Arrays.fill(mask, 1);
    Encoding encoding = new Encoding(ids.toArray(), types.toArray(), mask);
    return options
        .padding()
        .map(p -> encoding.padded(p.lengthFor(encoding.length()), p))
        .orElse(encoding);
  }

  /** The reference spells no more words than reach the limit, and cuts what it then has. */
  private int[] limited(String text, int index, EncodingOptions options) {
    if (options.truncation().isEmpty()) return encode(text);
    EncodingOptions.Truncation limit = options.truncation().get();
    if (limit.cut() == EncodingOptions.Cut.ONLY_SECOND && index == 0) return encode(text);
    IntList ends = new IntList(64);
    int[] ids = spelled(text, ends).toArray();
    return Truncator.wholeWords(ids, ends, limit.mostTokens(), limit.left());
  }

  @Override
  public int[] prompt(String text) {
    IntList ids = new IntList(text.length() / 3 + 8);
    for (PostProcessor.Piece piece : settings.stages().postProcessor().single()) {
      if (piece instanceof PostProcessor.Special s) {
        s.ids().forEach(ids::add);
      } else {
        break;
      }
    }
    ids.addAll(encode(text));
    return ids.toArray();
  }

  @Override
  public EncodingOptions options() {
    return settings.stages().options();
  }

  @Override
  public Decoder decoder() {
    return new Decoder(this::spelling, settings.stages().detokenizer());
  }

  private @Nullable String spelling(int id) {
    if (id >= tokens.length) return null;
    String found = foundBy.get(id);
    return found == null ? tokens[id] : found;
  }

  @Override
  public int vocabularySize() {
    return tokens.length;
  }

  @Override
  public OptionalInt id(String token) {
    Integer id = addedIds.get(token);
    if (id == null) id = settings.model().ids().get(token);
    return id == null ? OptionalInt.empty() : OptionalInt.of(id);
  }

  @Override
  public String token(int id) {
    String token = id < 0 || id >= tokens.length ? null : tokens[id];
    if (token == null) {
      throw new IllegalArgumentException(
          "tokenizer: no token has id " + id + "; ids lie in 0 to " + (tokens.length - 1));
    }
    return token;
  }

  @Override
  public SequencedMap<String, Integer> specialTokens() {
    List<AddedToken> special = new ArrayList<>(settings.added());
    special.removeIf(t -> !t.special());
    special.sort(Comparator.comparingInt(AddedToken::id));
    SequencedMap<String, Integer> ids = new LinkedHashMap<>();
    for (AddedToken t : special) ids.put(t.content(), t.id());
    return Collections.unmodifiableSequencedMap(ids);
  }

  @Override
  public Optional<ChatTemplate> chatTemplate() {
    return Optional.ofNullable(chatTemplate);
  }

  @Override
  public OptionalInt beginOfText() {
    return role(settings.roles().beginOfText());
  }

  @Override
  public OptionalInt endOfText() {
    return role(settings.roles().endOfText());
  }

  private OptionalInt role(@Nullable String token) {
    return token == null ? OptionalInt.empty() : id(token);
  }
}

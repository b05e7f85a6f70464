package dev.outpost.transformer.hub;

import java.io.IOException;
import java.net.http.HttpResponse.BodyHandler;
import java.net.http.HttpResponse.BodySubscriber;
import java.net.http.HttpResponse.BodySubscribers;
import java.net.http.HttpResponse.ResponseInfo;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionStage;
import java.util.concurrent.Flow;
import java.util.function.LongConsumer;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;

/**
 * The part of a file that has come so far, and the end of the wire that writes it. Bytes are
 * written where the answer says they belong, never beyond the file's size. As the body of an answer
 * it is the number of bytes that are here now.
 */
final class BlobPart implements BodyHandler<Long>, AutoCloseable {
  private static final Pattern RANGE =
      Pattern.compile("bytes (\\d{1,18})-\\d{1,18}/(\\d{1,18}|\\*)");
  private static final long MOST_REFUSAL = 1 << 20;

  private final Path path;
  private final RemoteFile file;
  private final FileChannel channel;
  private final LongConsumer received;
  private volatile long length;
  private @Nullable Writer writer;

  private BlobPart(Path path, RemoteFile file, FileChannel channel, LongConsumer received)
      throws IOException {
    this.path = path;
    this.file = file;
    this.channel = channel;
    this.received = received;
    this.length = channel.size();
  }

  /** Opens what an earlier run left, or begins; more than the whole file is no part of it. */
  static BlobPart open(Path path, RemoteFile file, LongConsumer received) throws IOException {
    FileChannel channel =
        FileChannel.open(path, StandardOpenOption.CREATE, StandardOpenOption.WRITE);
    BlobPart part = new BlobPart(path, file, channel, received);
    if (part.length > file.size()) part.restart();
    return part;
  }

  /** Bytes that are here. */
  long length() {
    return length;
  }

  /** From which byte on the next answer is wanted; an earlier one that still comes is not heard. */
  synchronized long begin() {
    writer = null;
    return length;
  }

  /** Forgets what came. */
  synchronized void restart() throws IOException {
    channel.truncate(0);
    received.accept(-Math.min(length, file.size()));
    length = 0;
  }

  /** Makes what came survive a crash. */
  void force() throws IOException {
    channel.force(true);
  }

  @Override
  public void close() throws IOException {
    channel.close();
  }

  @Override
  public BodySubscriber<Long> apply(ResponseInfo answer) {
    int status = answer.statusCode();
    if (status != 200 && status != 206)
      return BodySubscribers.limiting(BodySubscribers.replacing(0L), MOST_REFUSAL);
    long start = status == 200 ? 0 : start(answer);
    Writer next = new Writer(start, answer.headers().firstValueAsLong("Content-Length").orElse(-1));
    synchronized (this) {
      writer = next;
    }
    return next;
  }

  /** Where a partial answer begins; −1 when it is not the part that was asked for. */
  private long start(ResponseInfo answer) {
    Matcher range = RANGE.matcher(answer.headers().firstValue("Content-Range").orElse(""));
    if (!range.matches()) return -1;
    boolean whole = range.group(2).equals("*") || Long.parseLong(range.group(2)) == file.size();
    long at = Long.parseLong(range.group(1));
    return whole && at == length ? at : -1;
  }

  private synchronized void write(Writer from, ByteBuffer b) throws IOException {
    if (from != writer) throw new IOException(file.name() + ": another answer has taken its place");
    int n = b.remaining();
    if (n > file.size() - length)
      throw new IOException(
          file.name() + ": the server sends more than the " + file.size() + " bytes it announced");
    try {
      while (b.hasRemaining()) channel.write(b, length + n - b.remaining());
    } catch (IOException e) {
      throw new Patience.LocalException(
          path
              + ": could not be written: "
              + e.getMessage()
              + " ("
              + Files.getFileStore(path).getUsableSpace()
              + " bytes are free); what came is kept, and the same command goes on",
          e);
    }
    length += n;
    received.accept(n);
  }

  private final class Writer implements BodySubscriber<Long> {
    private final CompletableFuture<Long> done = new CompletableFuture<>();
    private final long start;
    private final long announced;
    private Flow.@Nullable Subscription subscription;

    Writer(long start, long announced) {
      this.start = start;
      this.announced = announced;
    }

    @Override
    public CompletionStage<Long> getBody() {
      return done;
    }

    @Override
    public void onSubscribe(Flow.Subscription s) {
      subscription = s;
      try {
        if (start <= 0 && length > 0) restart();
        if (start < 0)
          throw new IOException(file.name() + ": the server sent another part than was asked for");
        if (announced >= 0 && announced != file.size() - start)
          throw new IOException(
              file.name()
                  + ": the server announces "
                  + announced
                  + " bytes where "
                  + (file.size() - start)
                  + " are wanted");
        s.request(1);
      } catch (IOException e) {
        fail(e);
      }
    }

    @Override
    public void onNext(List<ByteBuffer> buffers) {
      if (done.isDone() || subscription == null) return;
      try {
        for (ByteBuffer b : buffers) write(this, b);
        subscription.request(1);
      } catch (IOException e) {
        fail(e);
      }
    }

    private void fail(IOException e) {
      if (subscription != null) subscription.cancel();
      done.completeExceptionally(e);
    }

    @Override
    public void onError(Throwable t) {
      done.completeExceptionally(t);
    }

    @Override
    public void onComplete() {
      done.complete(length);
    }
  }
}

/** The wire between a model's owner and the parties that tune with it. */
module dev.outpost.wire {
  requires com.google.protobuf;
  requires dev.outpost.offsite;
  requires io.grpc;
  requires io.grpc.netty;
  requires io.grpc.protobuf;
  requires io.grpc.stub;
  requires io.netty.buffer;
  requires io.netty.common;
  requires io.netty.handler;
  requires io.netty.transport;
  requires com.google.common;
  requires org.bouncycastle.pkix;
  requires org.bouncycastle.provider;
  requires static org.jspecify;

  provides dev.outpost.offsite.federated.Transport with
      dev.outpost.wire.WireTransport;
}

/* SPDX-License-Identifier: MIT */
/* Netty: pooled buffers that nobody releases, caches of threads, recyclers, its own leak reports, and what waits in channels and event loops. */
package com.acme.leaks;

import io.netty.bootstrap.Bootstrap;
import io.netty.buffer.ByteBuf;
import io.netty.buffer.PooledByteBufAllocator;
import io.netty.buffer.Unpooled;
import io.netty.buffer.UnpooledByteBufAllocator;
import io.netty.channel.Channel;
import io.netty.channel.ChannelInboundHandlerAdapter;
import io.netty.channel.ChannelOption;
import io.netty.channel.nio.NioEventLoopGroup;
import io.netty.channel.socket.nio.NioSocketChannel;
import io.netty.util.Recycler;
import io.netty.util.ResourceLeakDetector;
import io.netty.util.internal.PlatformDependent;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CountDownLatch;

public final class NettyLeaks extends Theme {
    private static final int MIB = 1 << 20;
    private static final int FRAMES = 72;
    private static final int THREADS = 70;
    private static final int MESSAGES = 3_000;
    private static final int TASKS = 12_000;
    private static final int WRITES = 48;

    private static final List<ByteBuf> FRAMES_TO_SEND = new ArrayList<>();
    private static final List<Object> CONNECTIONS = new ArrayList<>();
    private static final PooledByteBufAllocator ALLOCATOR = new PooledByteBufAllocator(true);

    private static final Recycler<Message> RECYCLER = new Recycler<>(4096, 2, 1, 2) {
        @Override
        protected Message newObject(Handle<Message> handle) {
            return new Message(handle);
        }
    };

    private static final class Message {
        final Recycler.Handle<Message> handle;
        final byte[] body = new byte[16 << 10];

        Message(Recycler.Handle<Message> handle) {
            this.handle = handle;
        }
    }

    private static void forget() {
        PooledByteBufAllocator.DEFAULT.heapBuffer(256);
    }

    /* The detector looks for lost buffers when the next one is allocated. */
    private static void reported() throws InterruptedException {
        ResourceLeakDetector.setLevel(ResourceLeakDetector.Level.PARANOID);
        forget();
        collect();
        PooledByteBufAllocator.DEFAULT.heapBuffer(256).release();
        ResourceLeakDetector.setLevel(ResourceLeakDetector.Level.DISABLED);
        found("netty-reported-leaks", "certain", null, null);
        equal("different leaks reported", 1);
        says("ByteBuf");
    }

    private static void threadCaches() throws InterruptedException {
        for (int i = 0; i < THREADS; i++) {
            park("netty-user-" + i, () -> ALLOCATOR.heapBuffer(512).release());
        }
    }

    private static void recycle(int rounds, int together) {
        for (int round = 0; round < rounds; round++) {
            List<Message> messages = new ArrayList<>();
            for (int i = 0; i < together; i++) {
                messages.add(RECYCLER.get());
            }
            messages.forEach(message -> message.handle.recycle(message));
        }
    }

    private static void taskQueue() throws InterruptedException {
        NioEventLoopGroup group = new NioEventLoopGroup(1);
        CountDownLatch stuck = new CountDownLatch(1);
        group.next().execute(() -> {
            stuck.countDown();
            waitForever();
        });
        stuck.await();
        for (int i = 0; i < TASKS; i++) {
            group.next().execute(NEVER::getCount);
        }
        CONNECTIONS.add(group);
        found("netty-task-queue", "seen", null, null);
        equal("event loops with tasks", 1);
        equal("tasks in the fullest", TASKS);
    }

    /* What waits in the channel shall not be memory of the pool: that has another owner. */
    private static Channel connect(ServerSocket server) throws Exception {
        Channel channel = new Bootstrap().group(new NioEventLoopGroup(1)).channel(NioSocketChannel.class)
            .option(ChannelOption.ALLOCATOR, UnpooledByteBufAllocator.DEFAULT).handler(new ChannelInboundHandlerAdapter())
            .connect(server.getInetAddress(), server.getLocalPort()).sync().channel();
        CONNECTIONS.add(channel);
        CONNECTIONS.add(server);
        CONNECTIONS.add(server.accept());
        return channel;
    }

    /* Nobody reads the other end. What the program says must not change any more: the loop that writes has nothing to do once the socket is full. */
    private static void backlog() throws Exception {
        Channel channel = connect(new ServerSocket(0, 1, InetAddress.getLoopbackAddress()));
        for (int i = 0; i < WRITES; i++) {
            channel.write(Unpooled.wrappedBuffer(new byte[MIB]));
        }
        channel.flush();
        CountDownLatch flushed = new CountDownLatch(1);
        channel.eventLoop().execute(flushed::countDown);
        flushed.await();
        found("netty-outbound-backlog", "likely", null, null);
        equal("channels with data to send", 1);
        least("bytes that wait in the worst channel", 32L * MIB);
        says("NioSocketChannel");
    }

    @Override
    void leak() throws Exception {
        reported();
        threadCaches();
        found("netty-thread-caches", "seen", null, null);
        least("threads with a cache", THREADS);
        recycle(1, MESSAGES);
        found("netty-recycler", "seen", null, null);
        /* It keeps every second object: the ratio 1 is made 2. */
        equal("objects in the fullest", MESSAGES / 2);
        taskQueue();
        backlog();
        for (int i = 0; i < FRAMES; i++) {
            FRAMES_TO_SEND.add(ALLOCATOR.directBuffer(MIB));
        }
        found("netty-pool-chunk", "likely", NettyLeaks.class, "FRAMES_TO_SEND");
        least("bytes in use by buffers", (long) FRAMES * MIB);
        least("buffers that use them", FRAMES);
        found("netty-direct-memory", "seen", null, null);
        equal("bytes by Netty's counter", PlatformDependent.usedDirectMemory());
    }

    @Override
    void healthy() throws Exception {
        ResourceLeakDetector.setLevel(ResourceLeakDetector.Level.PARANOID);
        for (int i = 0; i < FRAMES; i++) {
            ALLOCATOR.directBuffer(MIB).release();
            PooledByteBufAllocator.DEFAULT.heapBuffer(256).release();
        }
        threadCaches();
        recycle(MESSAGES, 1);
        NioEventLoopGroup group = new NioEventLoopGroup(1);
        CountDownLatch done = new CountDownLatch(TASKS);
        for (int i = 0; i < TASKS; i++) {
            group.next().execute(done::countDown);
        }
        done.await();
        Channel channel = connect(new ServerSocket(0, 1, InetAddress.getLoopbackAddress()));
        Socket peer = (Socket) CONNECTIONS.get(CONNECTIONS.size() - 1);
        park("reader", () -> {
            for (int i = 0; i < WRITES; i++) {
                channel.writeAndFlush(Unpooled.wrappedBuffer(new byte[MIB]));
                try {
                    peer.getInputStream().readNBytes(MIB);
                } catch (java.io.IOException e) {
                    throw new java.io.UncheckedIOException(e);
                }
            }
        });
    }

    public static void main(String[] arguments) throws Exception {
        new NettyLeaks().run(arguments);
    }
}

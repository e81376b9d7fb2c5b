/* SPDX-License-Identifier: MIT */
/* Netty's echo server: 20 clients send and get back what they sent, buffers are released; all stay connected while it is looked at. */
package com.acme.healthy;

import io.netty.bootstrap.Bootstrap;
import io.netty.bootstrap.ServerBootstrap;
import io.netty.buffer.ByteBuf;
import io.netty.buffer.Unpooled;
import io.netty.channel.Channel;
import io.netty.channel.ChannelHandlerContext;
import io.netty.channel.ChannelInboundHandlerAdapter;
import io.netty.channel.ChannelInitializer;
import io.netty.channel.EventLoopGroup;
import io.netty.channel.SimpleChannelInboundHandler;
import io.netty.channel.nio.NioEventLoopGroup;
import io.netty.channel.socket.nio.NioServerSocketChannel;
import io.netty.channel.socket.nio.NioSocketChannel;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.util.concurrent.CountDownLatch;

public final class NettyEchoProgram {
    private static final int CLIENTS = 20;
    private static final int ROUNDS = 200;
    private static final CountDownLatch DONE = new CountDownLatch(CLIENTS);

    private NettyEchoProgram() {
    }

    private static final class Echo extends ChannelInboundHandlerAdapter {
        @Override
        public void channelRead(ChannelHandlerContext context, Object message) {
            context.writeAndFlush(message);
        }
    }

    private static final class Client extends SimpleChannelInboundHandler<ByteBuf> {
        private int bytes;
        private int rounds;

        @Override
        public void channelActive(ChannelHandlerContext context) {
            context.writeAndFlush(Unpooled.wrappedBuffer(new byte[1000]));
        }

        @Override
        protected void channelRead0(ChannelHandlerContext context, ByteBuf message) {
            bytes += message.readableBytes();
            if (bytes >= 1000) {
                bytes = 0;
                if (++rounds < ROUNDS) {
                    context.writeAndFlush(context.alloc().buffer(1000).writeZero(1000));
                } else {
                    DONE.countDown();
                }
            }
        }
    }

    private static <C extends Channel> ChannelInitializer<C> with(boolean server) {
        return new ChannelInitializer<>() {
            @Override
            protected void initChannel(C channel) {
                channel.pipeline().addLast(server ? new Echo() : new Client());
            }
        };
    }

    public static void main(String[] args) throws Exception {
        EventLoopGroup servers = new NioEventLoopGroup(2);
        EventLoopGroup clients = new NioEventLoopGroup(2);
        Channel listening = new ServerBootstrap().group(servers).channel(NioServerSocketChannel.class).childHandler(with(true))
            .bind(InetAddress.getLoopbackAddress(), 0).sync().channel();
        InetSocketAddress address = (InetSocketAddress) listening.localAddress();
        for (int i = 0; i < CLIENTS; i++) {
            new Bootstrap().group(clients).channel(NioSocketChannel.class).handler(with(false)).connect(address).sync();
        }
        DONE.await();
        System.out.println("ready");
        while (System.in.read() >= 0) {
            continue;
        }
        System.exit(0);
    }
}

/* SPDX-License-Identifier: MIT */
/* Caches, mappers, clients and contexts: Guava, Caffeine, Jackson, OkHttp, Spring, gRPC. */
package com.acme.leaks;

import com.fasterxml.jackson.databind.ObjectMapper;
import com.github.benmanes.caffeine.cache.Caffeine;
import com.google.common.cache.CacheBuilder;
import io.grpc.ManagedChannel;
import io.grpc.netty.NettyChannelBuilder;
import java.util.ArrayList;
import java.util.List;
import okhttp3.OkHttpClient;
import org.springframework.context.support.GenericApplicationContext;

public final class ServiceLeaks extends Theme {
    private static final int ENTRIES = 12_000;
    private static final int ENTRY_BYTES = 2_000;
    private static final int MAPPERS = 320;
    private static final int CLIENTS = 50;
    private static final int CONTEXTS = 12;
    private static final int CLOSED = 4;
    private static final int CHANNELS = 12;

    private static final List<ObjectMapper> MAPPERS_OF_CALLS = new ArrayList<>();
    private static final List<OkHttpClient> CLIENTS_OF_CALLS = new ArrayList<>();
    private static final List<GenericApplicationContext> CONTEXTS_OF_TESTS = new ArrayList<>();
    private static final List<ManagedChannel> CHANNELS_OF_CALLS = new ArrayList<>();
    private static com.google.common.cache.Cache<String, byte[]> prices;
    private static com.github.benmanes.caffeine.cache.Cache<String, byte[]> users;

    private static void fill() {
        for (int i = 0; i < ENTRIES; i++) {
            prices.put("item-" + i, new byte[ENTRY_BYTES]);
            users.put("user-" + i, new byte[ENTRY_BYTES]);
        }
    }

    private static GenericApplicationContext context() {
        GenericApplicationContext context = new GenericApplicationContext();
        context.refresh();
        return context;
    }

    private static ManagedChannel channel() {
        return NettyChannelBuilder.forAddress("127.0.0.1", 9).usePlaintext().build();
    }

    @Override
    void leak() throws Exception {
        prices = CacheBuilder.newBuilder().build();
        users = Caffeine.newBuilder().build();
        fill();
        found("guava-unbounded", "likely", ServiceLeaks.class, "prices");
        equal("entries", prices.size());
        found("caffeine-unbounded", "likely", ServiceLeaks.class, "users");
        equal("entries", users.estimatedSize());
        for (int i = 0; i < MAPPERS; i++) {
            MAPPERS_OF_CALLS.add(new ObjectMapper());
        }
        found("jackson-mappers", "likely", ServiceLeaks.class, "MAPPERS_OF_CALLS");
        equal("ObjectMappers", MAPPERS);
        for (int i = 0; i < CLIENTS; i++) {
            CLIENTS_OF_CALLS.add(new OkHttpClient());
        }
        found("okhttp-clients", "likely", ServiceLeaks.class, "CLIENTS_OF_CALLS");
        equal("clients", CLIENTS);
        equal("connection pools", CLIENTS);
        for (int i = 0; i < CONTEXTS; i++) {
            CONTEXTS_OF_TESTS.add(context());
            if (i < CLOSED) {
                CONTEXTS_OF_TESTS.get(i).close();
            }
        }
        found("spring-contexts", "likely", ServiceLeaks.class, "CONTEXTS_OF_TESTS");
        equal("application contexts", CONTEXTS);
        equal("closed ones", CONTEXTS_OF_TESTS.stream().filter(context -> !context.isActive()).count());
        for (int i = 0; i < CHANNELS; i++) {
            CHANNELS_OF_CALLS.add(channel());
        }
        found("grpc-channels", "seen", ServiceLeaks.class, "CHANNELS_OF_CALLS");
        equal("open channels", CHANNELS);
        says("127.0.0.1:9");
    }

    @Override
    void healthy() throws Exception {
        prices = CacheBuilder.newBuilder().maximumSize(1_000).build();
        users = Caffeine.newBuilder().maximumSize(1_000).executor(Runnable::run).build();
        fill();
        MAPPERS_OF_CALLS.add(new ObjectMapper());
        OkHttpClient shared = new OkHttpClient();
        for (int i = 0; i < CLIENTS; i++) {
            CLIENTS_OF_CALLS.add(shared.newBuilder().followRedirects(i % 2 == 0).build());
        }
        for (int i = 0; i < CONTEXTS; i++) {
            context().close();
        }
        CONTEXTS_OF_TESTS.add(context());
        for (int i = 0; i < CHANNELS; i++) {
            ManagedChannel channel = channel();
            channel.shutdownNow();
            channel.awaitTermination(1, java.util.concurrent.TimeUnit.MINUTES);
        }
        CHANNELS_OF_CALLS.add(channel());
    }

    public static void main(String[] arguments) throws Exception {
        new ServiceLeaks().run(arguments);
    }
}

/* SPDX-License-Identifier: MIT */
/* A web server under load: 8 workers, sessions that end, answers of some KiB; requests from 4 clients go on while it is looked at. */
package com.acme.healthy;

import com.sun.net.httpserver.HttpServer;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.charset.StandardCharsets;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.concurrent.Executors;
import java.util.concurrent.atomic.AtomicInteger;

public final class HttpServerProgram {
    private static final int SESSIONS = 500;
    private static final Map<Integer, byte[]> RECENT = new LinkedHashMap<>() {
        @Override
        protected boolean removeEldestEntry(Map.Entry<Integer, byte[]> eldest) {
            return size() > SESSIONS;
        }
    };

    private HttpServerProgram() {
    }

    public static void main(String[] args) throws Exception {
        HttpServer server = HttpServer.create(new InetSocketAddress(InetAddress.getLoopbackAddress(), 0), 100);
        AtomicInteger served = new AtomicInteger();
        server.setExecutor(Executors.newFixedThreadPool(8));
        server.createContext("/", exchange -> {
            int number = served.incrementAndGet();
            synchronized (RECENT) {
                RECENT.put(number, new byte[512]);
            }
            byte[] answer = ("answer " + number + "\n").repeat(100).getBytes(StandardCharsets.UTF_8);
            exchange.sendResponseHeaders(200, answer.length);
            exchange.getResponseBody().write(answer);
            exchange.close();
        });
        server.start();
        for (int i = 0; i < 4; i++) {
            Thread client = new Thread(() -> ask(server.getAddress()), "client-" + i);
            client.setDaemon(true);
            client.start();
        }
        while (served.get() < 2000) {
            Thread.onSpinWait();
        }
        System.out.println("ready");
        while (System.in.read() >= 0) {
            continue;
        }
        System.exit(0);
    }

    private static void ask(InetSocketAddress address) {
        HttpClient client = HttpClient.newHttpClient();
        HttpRequest request = HttpRequest.newBuilder(URI.create("http://localhost:" + address.getPort() + "/")).build();
        try {
            while (true) {
                client.send(request, HttpResponse.BodyHandlers.ofString());
            }
        } catch (Exception e) {
            throw new IllegalStateException(e);
        }
    }
}

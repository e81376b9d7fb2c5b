/* SPDX-License-Identifier: MIT */
/*
 * A small service that forgets to end its sessions: every visit leaves a Session in a static map.
 *
 *     class SessionCache
 *       static SESSIONS  -> HashMap  .table -> Node[]  -> Node  .value -> Session  .user -> User   .basket -> byte[]
 *
 * Arguments: the number of sessions, the bytes of a basket. Prints "ready" and waits until its input ends; the dump is taken meanwhile.
 */
package com.acme.shop;

import java.util.HashMap;
import java.util.Map;
import java.util.concurrent.ArrayBlockingQueue;
import java.util.concurrent.BlockingQueue;

final class User {
    final String name;
    final int number;

    User(int number) {
        this.name = "user-" + number;
        this.number = number;
    }
}

final class Session {
    final String id;
    final User user;
    final byte[] basket;
    final long created;

    Session(int number, int basketBytes) {
        id = "session-" + number;
        user = new User(number);
        basket = new byte[basketBytes];
        created = 1_700_000_000_000L + number;
    }
}

/* The leak: entries are put in, none is ever taken out. */
final class SessionCache {
    static final Map<String, Session> SESSIONS = new HashMap<>();
    static int visits;

    private SessionCache() {
    }

    static void visit(int number, int basketBytes) {
        Session session = new Session(number, basketBytes);
        SESSIONS.put(session.id, session);
        visits++;
    }
}

/* Waits for requests that never come. */
final class Worker implements Runnable {
    private final BlockingQueue<String> requests = new ArrayBlockingQueue<>(8);
    int served;

    @Override
    public void run() {
        try {
            for (;;) {
                serve(requests.take());
            }
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
    }

    private void serve(String request) {
        served += request.length();
    }
}

public final class Shop {
    static final int WORKERS = 4;

    private Shop() {
    }

    public static void main(String[] args) throws Exception {
        int sessions = Integer.parseInt(args[0]);
        int basketBytes = Integer.parseInt(args[1]);
        for (int i = 1; i <= WORKERS; i++) {
            new Thread(new Worker(), "http-worker-" + i).start();
        }
        Thread reaper = new Thread(Shop::reap, "session-reaper");
        reaper.setDaemon(true);
        reaper.start();
        for (int i = 0; i < sessions; i++) {
            SessionCache.visit(i, basketBytes);
        }
        Thread.sleep(500); /* until the others have come to rest */
        System.out.println("ready");
        System.in.read();
        System.exit(0);
    }

    private static void reap() {
        try {
            Thread.sleep(3_600_000);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
    }
}

/* SPDX-License-Identifier: MIT */
/*
 * A small service under load, healthy or with one leak switched on. Threads of a pool serve requests; sessions live in a map that is bounded, answers in a
 * cache that is full before the load begins, so that a healthy run ends with the same heap every time, but for noise.
 *
 *     Service.SESSIONS   LinkedHashMap, bounded          healthy
 *     Service.ANSWERS    HashMap, as large as asked for  healthy; "grow N" makes it N per cent larger
 *     Service.AUDIT      ArrayList that forgets nothing  leak "map" puts into Service.AUDIT_BY_ID, a map
 *     Bus.listeners      listeners of requests           leak "listener" never removes them
 *     Service.CONTEXT    a thread local                  leak "threadlocal" never removes its values
 *
 * Arguments: healthy|map|listener|threadlocal|grow, and for grow the per cent. Prints "ready" and waits until its input ends; the dump is taken meanwhile.
 */
package com.acme.gate;

import java.util.ArrayList;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.TimeUnit;

final class Answer {
    final String question;
    final byte[] text;

    Answer(int number, int bytes) {
        question = "question " + number;
        text = new byte[bytes];
    }
}

interface Listener {
    void served(int request);
}

/* Whoever wants to hear of requests. */
final class Bus {
    private final List<Listener> listeners = new ArrayList<>();

    synchronized void add(Listener listener) {
        listeners.add(listener);
    }

    synchronized void remove(Listener listener) {
        listeners.remove(listener);
    }

    synchronized int count() {
        return listeners.size();
    }
}

final class Session {
    final int number;
    final byte[] basket = new byte[512];

    Session(int number) {
        this.number = number;
    }
}

public final class Service {
    static final int THREADS = 4;
    static final int REQUESTS = 4000;
    static final int SESSIONS_MOST = 500;
    static final int ANSWERS_COUNT = 4000;
    static final int ANSWER_BYTES = 4096;
    static final int LEAK_BYTES = 1024;

    static final Map<Integer, Session> SESSIONS = new LinkedHashMap<>();
    static final Map<String, Answer> ANSWERS = new HashMap<>();
    static final Map<Integer, byte[]> AUDIT_BY_ID = new HashMap<>();
    static final ThreadLocal<List<byte[]>> CONTEXT = ThreadLocal.withInitial(ArrayList::new);
    static final Bus BUS = new Bus();

    private Service() {
    }

    static void serve(int request, String leak) {
        synchronized (SESSIONS) {
            SESSIONS.put(request, new Session(request));
            if (SESSIONS.size() > SESSIONS_MOST) {
                SESSIONS.remove(SESSIONS.keySet().iterator().next());
            }
        }
        byte[] scratch = new byte[LEAK_BYTES];
        Listener listener = number -> scratch[0] = (byte) number;
        BUS.add(listener);
        CONTEXT.get().add(scratch);
        if (leak.equals("map")) {
            synchronized (AUDIT_BY_ID) {
                AUDIT_BY_ID.put(request, scratch);
            }
        }
        if (!leak.equals("threadlocal")) {
            CONTEXT.remove();
        }
        if (!leak.equals("listener")) {
            BUS.remove(listener);
        }
    }

    public static void main(String[] args) throws Exception {
        String leak = args[0];
        int more = leak.equals("grow") ? Integer.parseInt(args[1]) : 0;
        for (int i = 0; i < ANSWERS_COUNT * (100 + more) / 100; i++) {
            Answer answer = new Answer(i, ANSWER_BYTES);
            ANSWERS.put(answer.question, answer);
        }
        ExecutorService pool = Executors.newFixedThreadPool(THREADS);
        CountDownLatch done = new CountDownLatch(REQUESTS);
        for (int i = 0; i < REQUESTS; i++) {
            int request = i;
            pool.execute(() -> {
                serve(request, leak);
                done.countDown();
            });
        }
        if (!done.await(60, TimeUnit.SECONDS)) {
            throw new IllegalStateException("the load did not end");
        }
        System.out.println("ready");
        while (System.in.read() >= 0) {
            // until the input ends
        }
        pool.shutdownNow();
    }
}

/* SPDX-License-Identifier: MIT */
/* Scheduled tasks, a pool with a bounded queue, futures with timeouts, thread locals, parallel streams: all go on while it is looked at. */
package com.acme.healthy;

import java.util.concurrent.ArrayBlockingQueue;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.Executors;
import java.util.concurrent.ScheduledExecutorService;
import java.util.concurrent.ThreadPoolExecutor;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.LongAdder;
import java.util.stream.IntStream;

public final class SchedulerProgram {
    private static final ThreadLocal<StringBuilder> SCRATCH = ThreadLocal.withInitial(StringBuilder::new);
    private static final LongAdder DONE = new LongAdder();

    private SchedulerProgram() {
    }

    private static void work(int n) {
        StringBuilder text = SCRATCH.get();
        text.setLength(0);
        for (int i = 0; i < 100; i++) {
            text.append(n * i);
        }
        DONE.add(text.length() > 0 ? 1 : 0);
    }

    public static void main(String[] args) throws Exception {
        ScheduledExecutorService ticks = Executors.newScheduledThreadPool(4);
        for (int i = 0; i < 50; i++) {
            int n = i;
            ticks.scheduleAtFixedRate(() -> work(n), i, 10, TimeUnit.MILLISECONDS);
        }
        ThreadPoolExecutor pool = new ThreadPoolExecutor(4, 4, 1, TimeUnit.MINUTES, new ArrayBlockingQueue<>(100), new ThreadPoolExecutor.CallerRunsPolicy());
        Thread feeder = new Thread(() -> feed(pool), "feeder");
        feeder.setDaemon(true);
        feeder.start();
        while (DONE.sum() < 50_000) {
            IntStream.range(0, 1000).parallel().forEach(SchedulerProgram::work);
        }
        System.out.println("ready");
        while (System.in.read() >= 0) {
            continue;
        }
        System.exit(0);
    }

    private static void feed(ThreadPoolExecutor pool) {
        for (int i = 0;; i++) {
            int n = i;
            CompletableFuture.runAsync(() -> work(n), pool).orTimeout(1, TimeUnit.SECONDS).thenRun(DONE::increment);
        }
    }
}

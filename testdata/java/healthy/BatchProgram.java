/* SPDX-License-Identifier: MIT */
/* A batch job: maps of all its records, all of its work queued at once, futures for what is on its way, a large image, buffers per thread. */
package com.acme.healthy;

import java.awt.image.BufferedImage;
import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Timer;
import java.util.TimerTask;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.ScheduledThreadPoolExecutor;
import java.util.concurrent.TimeUnit;

public final class BatchProgram {
    private static final int RECORDS = 400_000;
    private static final int JOBS = 40_000;
    private static final int TIMEOUTS = 60_000;
    private static final int REQUESTS = 8_000;
    private static final int WORKERS = 8;
    private static final Map<Integer, Entry> BY_ID = new HashMap<>();
    private static final Map<String, Entry> BY_NAME = new ConcurrentHashMap<>();
    private static final ThreadLocal<ByteBuffer> BUFFERS = ThreadLocal.withInitial(() -> ByteBuffer.allocate(1 << 20));
    private static final ThreadLocal<ByteBuffer> DIRECT = ThreadLocal.withInitial(() -> ByteBuffer.allocateDirect(1 << 20));
    private static final List<CompletableFuture<Entry>> ON_THE_WAY = new ArrayList<>();
    private static BufferedImage chart;

    private BatchProgram() {
    }

    private static final class Entry {
        final int id;
        final String name;

        Entry(int id) {
            this.id = id;
            this.name = "record-" + id;
        }
    }

    private static void stop(CountDownLatch running, CountDownLatch never) {
        BUFFERS.get().putInt(0, 1);
        DIRECT.get().putInt(0, 1);
        running.countDown();
        try {
            never.await();
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
    }

    public static void main(String[] args) throws Exception {
        for (int i = 0; i < RECORDS; i++) {
            Entry entry = new Entry(i);
            BY_ID.put(i, entry);
            BY_NAME.put(entry.name, entry);
        }
        CountDownLatch running = new CountDownLatch(WORKERS);
        CountDownLatch never = new CountDownLatch(1);
        ExecutorService workers = Executors.newFixedThreadPool(WORKERS, work -> {
            Thread thread = new Thread(work);
            thread.setDaemon(true);
            return thread;
        });
        for (int i = 0; i < JOBS; i++) {
            workers.execute(() -> stop(running, never));
        }
        running.await();
        ScheduledThreadPoolExecutor timeouts = new ScheduledThreadPoolExecutor(1);
        Timer reminders = new Timer(true);
        for (int i = 0; i < TIMEOUTS; i++) {
            timeouts.schedule(never::getCount, 1 + i, TimeUnit.HOURS);
        }
        for (int i = 0; i < REQUESTS; i++) {
            ON_THE_WAY.add(new CompletableFuture<Entry>().thenApply(entry -> entry));
            reminders.schedule(new TimerTask() {
                @Override
                public void run() {
                    never.getCount();
                }
            }, 3_600_000L + i);
        }
        chart = new BufferedImage(2_000, 1_500, BufferedImage.TYPE_INT_RGB);
        System.out.println("ready");
        while (System.in.read() >= 0) {
            continue;
        }
        System.exit(chart.getWidth() == 0 ? 1 : 0);
    }
}

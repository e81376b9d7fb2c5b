/* SPDX-License-Identifier: MIT */
/*
 * What the programs of this folder share: each makes a few known leaks in one JVM ("leak") or does the same work as it should be done ("healthy"), says what
 * a report must find, dumps itself and ends.
 *
 *   leak    PATTERN CERTAINTY CLASS FIELD     a pattern, at least this certain, held by a class's field ("-": not told)
 *   equal   TEXT NUMBER                       a line of its evidence
 *   least   TEXT NUMBER                       the same, but the JVM may have more of its own
 *   says    TEXT                              words of its title or evidence
 *
 * Fields are separated by tabs; the lines after a leak belong to it.
 */
package com.acme.leaks;

import com.sun.management.HotSpotDiagnosticMXBean;
import java.lang.management.ManagementFactory;
import java.lang.ref.ReferenceQueue;
import java.lang.ref.WeakReference;
import java.util.concurrent.CountDownLatch;

abstract class Theme {
    /* Whoever shall stand still until the dump is written waits for it. */
    protected static final CountDownLatch NEVER = new CountDownLatch(1);

    abstract void leak() throws Exception;

    abstract void healthy() throws Exception;

    final void run(String[] arguments) throws Exception {
        if (arguments[0].equals("leak")) {
            leak();
        } else {
            healthy();
        }
        ManagementFactory.getPlatformMXBean(HotSpotDiagnosticMXBean.class).dumpHeap(arguments[1], false);
        System.out.flush();
        /* No shutdown hooks, no closing: some of them are the leaks. */
        Runtime.getRuntime().halt(0);
    }

    static void found(String pattern, String certainty, Class<?> holder, String field) {
        System.out.println(String.join("\t", "leak", pattern, certainty, holder == null ? "-" : holder.getName(), field == null ? "-" : field));
    }

    static void equal(String text, long number) {
        System.out.println(String.join("\t", "equal", text, Long.toString(number)));
    }

    static void least(String text, long number) {
        System.out.println(String.join("\t", "least", text, Long.toString(number)));
    }

    static void says(String text) {
        System.out.println(String.join("\t", "says", text));
    }

    static void waitForever() {
        boolean over = false;
        while (!over) {
            try {
                NEVER.await();
                over = true;
            } catch (InterruptedException e) {
                continue;
            }
        }
    }

    /* A thread that does something and then stands still, with what it did still there. */
    static Thread park(String name, Runnable work) throws InterruptedException {
        CountDownLatch done = new CountDownLatch(1);
        Thread thread = new Thread(() -> {
            work.run();
            done.countDown();
            waitForever();
        }, name);
        thread.setDaemon(true);
        thread.start();
        done.await();
        return thread;
    }

    /*
     * Collects garbage and returns when every reference of it stands in its queue. The first round's mark may be handed over together with the garbage and
     * before it; the second round's comes after all of the first.
     */
    static void collect() throws InterruptedException {
        for (int round = 0; round < 2; round++) {
            ReferenceQueue<Object> queue = new ReferenceQueue<>();
            WeakReference<Object> mark = new WeakReference<>(new Object(), queue);
            System.gc();
            if (queue.remove() != mark) {
                throw new IllegalStateException("a reference that nobody registered");
            }
        }
    }
}

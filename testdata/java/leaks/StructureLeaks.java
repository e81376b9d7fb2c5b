/* SPDX-License-Identifier: MIT */
/* Structures of the JDK: thread locals, finalizers, cleaners, queues of threads, futures, and lists that last until the JVM ends. */
package com.acme.leaks;

import java.io.File;
import java.lang.ref.Cleaner;
import java.lang.reflect.Method;
import java.nio.ByteBuffer;
import java.security.Key;
import java.security.Provider;
import java.security.spec.AlgorithmParameterSpec;
import java.util.ArrayList;
import java.util.List;
import java.util.Timer;
import java.util.TimerTask;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.ScheduledThreadPoolExecutor;
import java.util.concurrent.ThreadPoolExecutor;
import java.util.concurrent.TimeUnit;
import javax.crypto.Mac;
import javax.crypto.MacSpi;

public final class StructureLeaks extends Theme {
    private static final int WORKERS = 8;
    private static final int WORKSPACE = 9 << 20;
    private static final int LOCALS = 12_000;
    private static final int STALE = 2_000;
    private static final int FINALIZERS = 6_000;
    private static final int CLEANINGS = 1_500;
    private static final int TASKS = 12_000;
    private static final int MAIL = 2_000;
    private static final int CANCELLED = 1_500;
    private static final int FILES = 2_500;
    private static final int PROVIDERS = 600;
    private static final int HOOKS = 600;
    private static final int LOOKUPS = 1_500;

    private static final ThreadLocal<Workspace> WORKSPACES = new ThreadLocal<>();
    private static final List<ThreadLocal<Object>> REQUEST_LOCALS = new ArrayList<>();
    private static final List<LiveFile> LIVE_FILES = new ArrayList<>();
    private static final Cleaner CLEANER = Cleaner.create();
    private static final CompletableFuture<String> STARTED = new CompletableFuture<>();
    private static final List<Method> METHODS = new ArrayList<>();
    private static ThreadPoolExecutor mailers;
    private static ScheduledThreadPoolExecutor timeouts;
    private static Timer reminders;

    private static final class Workspace {
        final byte[] bytes;

        Workspace(int size) {
            bytes = new byte[size];
        }
    }

    private static final class Session {
        final byte[] bytes = new byte[100];
    }

    private static final class OldFile {
        @Override
        @SuppressWarnings("removal")
        protected void finalize() {
            waitForever();
        }
    }

    private static final class LiveFile {
        @Override
        @SuppressWarnings("removal")
        protected void finalize() {
            NEVER.getCount();
        }
    }

    private static final class SendMail implements Runnable {
        final byte[] body = new byte[MAIL];

        @Override
        public void run() {
            waitForever();
        }
    }

    private static final class Reminder extends TimerTask {
        @Override
        public void run() {
            NEVER.getCount();
        }
    }

    public static final class Checksum extends MacSpi {
        @Override
        protected int engineGetMacLength() {
            return 1;
        }

        @Override
        protected void engineInit(Key key, AlgorithmParameterSpec parameters) {
            NEVER.getCount();
        }

        @Override
        protected void engineUpdate(byte input) {
            NEVER.getCount();
        }

        @Override
        protected void engineUpdate(byte[] input, int offset, int length) {
            NEVER.getCount();
        }

        @Override
        protected void engineUpdate(ByteBuffer input) {
            NEVER.getCount();
        }

        @Override
        protected byte[] engineDoFinal() {
            return new byte[1];
        }

        @Override
        protected void engineReset() {
            NEVER.getCount();
        }
    }

    private static final class Checksums extends Provider {
        private static final long serialVersionUID = 1;

        Checksums() {
            super("Checksums", "1", "checksums");
            put("Mac.Checksum", Checksum.class.getName());
        }
    }

    private static void threadLocals() throws InterruptedException {
        for (int i = 0; i < WORKERS; i++) {
            park("worker-" + i, () -> WORKSPACES.set(new Workspace(WORKSPACE)));
        }
        found("thread-local-values", "likely", null, null);
        says(Workspace.class.getName());
        equal("thread-local values", WORKERS);
        equal("threads", WORKERS);
        least("bytes of the largest value", WORKSPACE);
        park("locals", () -> {
            for (int i = 0; i < LOCALS; i++) {
                ThreadLocal<Object> local = new ThreadLocal<>();
                local.set(Boolean.TRUE);
                REQUEST_LOCALS.add(local);
            }
        });
        found("thread-local-count", "likely", null, null);
        equal("most in one thread", LOCALS);
        park("stale", () -> {
            List<ThreadLocal<Object>> locals = new ArrayList<>();
            for (int i = 0; i < STALE; i++) {
                ThreadLocal<Object> local = new ThreadLocal<>();
                local.set(new Session());
                locals.add(local);
            }
        });
        found("thread-local-stale", "seen", null, null);
        least("stale values", STALE);
        says(Session.class.getName());
    }

    private static void drop() {
        for (int i = 0; i < FINALIZERS; i++) {
            new OldFile();
        }
        for (int i = 0; i < CLEANINGS; i++) {
            CLEANER.register(new Object(), Theme::waitForever);
        }
    }

    private static void references() throws InterruptedException {
        for (int i = 0; i < 2 * FINALIZERS; i++) {
            LIVE_FILES.add(new LiveFile());
        }
        drop();
        collect();
        found("finalizer-queue", "likely", null, null);
        says(OldFile.class.getName());
        equal("objects that wait", FINALIZERS - 1);
        found("finalizable-objects", "seen", null, null);
        says(LiveFile.class.getName());
        equal("objects with a finalizer", 2 * FINALIZERS);
        found("cleaner-backlog", "seen", null, null);
        equal("most for one cleaner", CLEANINGS - 1);
    }

    private static void queues() {
        mailers = new ThreadPoolExecutor(2, 2, 1, TimeUnit.MINUTES, new LinkedBlockingQueue<>());
        for (int i = 0; i < TASKS + 2; i++) {
            mailers.execute(new SendMail());
        }
        found("executor-backlog", "likely", StructureLeaks.class, "mailers");
        equal("tasks in the fullest queue", TASKS);
        equal("threads of that pool", 2);
        says(SendMail.class.getName());
        timeouts = new ScheduledThreadPoolExecutor(1);
        reminders = new Timer(true);
        /* The timer takes cancelled tasks away when they are the next: one that is not cancelled stands before them. */
        reminders.schedule(new Reminder(), 3_600_000L);
        for (int i = 0; i < CANCELLED; i++) {
            timeouts.schedule(new SendMail(), 1, TimeUnit.DAYS).cancel(false);
            Reminder reminder = new Reminder();
            reminders.schedule(reminder, 86_400_000L);
            reminder.cancel();
        }
        found("scheduler-backlog", "likely", StructureLeaks.class, "timeouts");
        equal("cancelled ones", CANCELLED);
        equal("schedulers", 1);
        found("timer-backlog", "likely", StructureLeaks.class, "reminders");
        equal("tasks", CANCELLED + 1);
        equal("cancelled ones", CANCELLED);
        says(Reminder.class.getName());
        for (int i = 0; i < TASKS; i++) {
            STARTED.thenAccept(String::length);
        }
        found("unfinished-futures", "likely", StructureLeaks.class, "STARTED");
        equal("unfinished futures", TASKS + 1);
        equal("actions that wait for one", TASKS);
    }

    private static void lists() throws Exception {
        for (int i = 0; i < FILES; i++) {
            new File("/nowhere/upload-" + i).deleteOnExit();
        }
        found("delete-on-exit", "likely", null, null);
        equal("file names", FILES);
        List<Provider> providers = new ArrayList<>();
        for (int i = 0; i < PROVIDERS; i++) {
            providers.add(new Checksums());
            Mac.getInstance("Checksum", providers.get(i));
        }
        found("crypto-providers", "likely", null, null);
        least("providers", PROVIDERS);
        for (int i = 0; i < HOOKS; i++) {
            Runtime.getRuntime().addShutdownHook(new Thread(new SendMail()));
        }
        found("shutdown-hooks", "likely", null, null);
        least("shutdown hooks", HOOKS);
        for (int i = 0; i < LOOKUPS; i++) {
            METHODS.addAll(List.of(String.class.getMethods()));
        }
        found("reflection-copies", "seen", null, null);
        least("reflection objects", METHODS.size());
    }

    @Override
    void leak() throws Exception {
        threadLocals();
        references();
        queues();
        lists();
    }

    @Override
    void healthy() throws Exception {
        for (int i = 0; i < WORKERS; i++) {
            park("worker-" + i, () -> {
                WORKSPACES.set(new Workspace(WORKSPACE));
                WORKSPACES.remove();
            });
        }
        for (int i = 0; i < CLEANINGS; i++) {
            CLEANER.register(new Object(), NEVER::getCount).clean();
        }
        CountDownLatch done = new CountDownLatch(TASKS);
        mailers = new ThreadPoolExecutor(2, 2, 1, TimeUnit.MINUTES, new LinkedBlockingQueue<>());
        timeouts = new ScheduledThreadPoolExecutor(1);
        timeouts.setRemoveOnCancelPolicy(true);
        reminders = new Timer(true);
        for (int i = 0; i < TASKS; i++) {
            mailers.execute(done::countDown);
            STARTED.orTimeout(1, TimeUnit.DAYS);
        }
        done.await();
        for (int i = 0; i < CANCELLED; i++) {
            timeouts.schedule(new SendMail(), 1, TimeUnit.DAYS).cancel(false);
            Reminder reminder = new Reminder();
            reminders.schedule(reminder, 86_400_000L);
            reminder.cancel();
        }
        reminders.purge();
        STARTED.complete("done");
        Provider provider = new Checksums();
        for (int i = 0; i < PROVIDERS; i++) {
            Mac.getInstance("Checksum", provider);
            Thread hook = new Thread(new SendMail());
            Runtime.getRuntime().addShutdownHook(hook);
            Runtime.getRuntime().removeShutdownHook(hook);
        }
        METHODS.addAll(List.of(String.class.getMethods()));
    }

    public static void main(String[] arguments) throws Exception {
        new StructureLeaks().run(arguments);
    }
}

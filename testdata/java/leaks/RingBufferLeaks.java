/* SPDX-License-Identifier: MIT */
/* Log4j's asynchronous loggers: every slot of their ring buffer keeps room for the longest message it ever held. */
package com.acme.leaks;

import java.util.concurrent.CountDownLatch;
import org.apache.logging.log4j.Level;
import org.apache.logging.log4j.Logger;
import org.apache.logging.log4j.core.LogEvent;
import org.apache.logging.log4j.core.LoggerContext;
import org.apache.logging.log4j.core.appender.AbstractAppender;
import org.apache.logging.log4j.core.async.AsyncLoggerContext;
import org.apache.logging.log4j.core.config.Configuration;
import org.apache.logging.log4j.core.config.LoggerConfig;
import org.apache.logging.log4j.core.config.Property;

public final class RingBufferLeaks extends Theme {
    private static final int SLOTS = Integer.getInteger("log4j2.asyncLoggerRingBufferSize");
    private static final int LONG_MESSAGE = 40_000;
    private static final int SHORT_MESSAGE = 100;

    private final CountDownLatch written = new CountDownLatch(SLOTS);

    private final class Disk extends AbstractAppender {
        Disk() {
            super("disk", null, null, true, Property.EMPTY_ARRAY);
        }

        @Override
        public void append(LogEvent event) {
            written.countDown();
        }
    }

    /* As many messages as there are slots: each is used once. */
    private void log(int length) throws InterruptedException {
        LoggerContext context = LoggerContext.getContext(false);
        if (!(context instanceof AsyncLoggerContext)) {
            throw new IllegalStateException("not asynchronous: " + context.getClass());
        }
        Configuration configuration = context.getConfiguration();
        LoggerConfig root = configuration.getRootLogger();
        root.getAppenders().keySet().forEach(root::removeAppender);
        Disk disk = new Disk();
        disk.start();
        root.addAppender(disk, null, null);
        root.setLevel(Level.INFO);
        context.updateLoggers();
        Logger logger = context.getLogger("com.acme.orders");
        String order = "x".repeat(length);
        for (int i = 0; i < SLOTS; i++) {
            logger.info("order {}", order);
        }
        written.await();
    }

    @Override
    void leak() throws Exception {
        log(LONG_MESSAGE);
        found("log4j-ring-buffer", "likely", null, null);
        equal("slots", SLOTS);
        least("bytes kept", (long) SLOTS * LONG_MESSAGE);
    }

    @Override
    void healthy() throws Exception {
        log(SHORT_MESSAGE);
    }

    public static void main(String[] arguments) throws Exception {
        new RingBufferLeaks().run(arguments);
    }
}

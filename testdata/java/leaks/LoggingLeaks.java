/* SPDX-License-Identifier: MIT */
/* Logback and Log4j: queues before an appender that stands still, loggers with changing names, contexts that nobody clears. */
package com.acme.leaks;

import ch.qos.logback.classic.AsyncAppender;
import ch.qos.logback.classic.LoggerContext;
import ch.qos.logback.classic.spi.ILoggingEvent;
import ch.qos.logback.core.AppenderBase;
import java.util.concurrent.CountDownLatch;
import org.apache.logging.log4j.Level;
import org.apache.logging.log4j.ThreadContext;
import org.apache.logging.log4j.core.LogEvent;
import org.apache.logging.log4j.core.appender.AbstractAppender;
import org.apache.logging.log4j.core.config.AppenderRef;
import org.apache.logging.log4j.core.config.Configuration;
import org.apache.logging.log4j.core.config.Property;
import org.apache.logging.log4j.core.impl.Log4jLogEvent;
import org.apache.logging.log4j.message.SimpleMessage;
import org.slf4j.LoggerFactory;
import org.slf4j.MDC;

public final class LoggingLeaks extends Theme {
    private static final int EVENTS = 12_000;
    private static final int LOGGERS = 21_000;
    private static final int KEYS = 1_200;

    private final CountDownLatch logbackStuck = new CountDownLatch(1);
    private final CountDownLatch log4jStuck = new CountDownLatch(1);
    private final boolean slow;
    private final CountDownLatch written = new CountDownLatch(2 * EVENTS);

    private LoggingLeaks(boolean slow) {
        this.slow = slow;
    }

    private final class LogbackDisk extends AppenderBase<ILoggingEvent> {
        @Override
        protected void append(ILoggingEvent event) {
            written.countDown();
            logbackStuck.countDown();
            if (slow) {
                waitForever();
            }
        }
    }

    private final class Log4jDisk extends AbstractAppender {
        Log4jDisk() {
            super("disk", null, null, true, Property.EMPTY_ARRAY);
        }

        @Override
        public void append(LogEvent event) {
            written.countDown();
            log4jStuck.countDown();
            if (slow) {
                waitForever();
            }
        }
    }

    private void logback() throws InterruptedException {
        LoggerContext context = (LoggerContext) LoggerFactory.getILoggerFactory();
        LogbackDisk disk = new LogbackDisk();
        disk.setContext(context);
        disk.start();
        AsyncAppender appender = new AsyncAppender();
        appender.setContext(context);
        appender.setName("ASYNC_FILE");
        appender.setQueueSize(EVENTS);
        appender.setDiscardingThreshold(0);
        appender.setMaxFlushTime(1);
        appender.addAppender(disk);
        appender.start();
        ch.qos.logback.classic.Logger logger = context.getLogger("com.acme.orders");
        logger.setAdditive(false);
        logger.addAppender(appender);
        logger.info("order 0");
        logbackStuck.await();
        for (int i = 1; i < EVENTS; i++) {
            logger.info("order {}", i);
        }
    }

    private void log4j() throws InterruptedException {
        org.apache.logging.log4j.core.LoggerContext context = org.apache.logging.log4j.core.LoggerContext.getContext(false);
        Configuration configuration = context.getConfiguration();
        Log4jDisk disk = new Log4jDisk();
        disk.start();
        configuration.addAppender(disk);
        org.apache.logging.log4j.core.appender.AsyncAppender appender = org.apache.logging.log4j.core.appender.AsyncAppender.newBuilder().setName("LOG4J_FILE")
            .setBufferSize(EVENTS).setBlocking(true).setAppenderRefs(new AppenderRef[] {AppenderRef.createAppenderRef("disk", null, null)})
            .setConfiguration(configuration).build();
        appender.start();
        configuration.addAppender(appender);
        for (int i = 0; i < EVENTS; i++) {
            appender.append(Log4jLogEvent.newBuilder().setLoggerName("com.acme.orders").setLevel(Level.INFO).setMessage(new SimpleMessage("order " + i)).build());
            if (i == 0) {
                log4jStuck.await();
            }
        }
    }

    @Override
    void leak() throws Exception {
        logback();
        log4j();
        found("logback-queue", "likely", null, null);
        equal("full appenders", 1);
        equal("events that wait", EVENTS - 1);
        says("ASYNC_FILE");
        found("log4j-queue", "likely", null, null);
        equal("full appenders", 1);
        equal("events that wait", EVENTS - 1);
        says("LOG4J_FILE");
        for (int i = 0; i < LOGGERS; i++) {
            LoggerFactory.getLogger("request." + i);
        }
        found("logback-loggers", "seen", null, null);
        least("loggers", LOGGERS);
        park("logback-requests", () -> {
            for (int i = 0; i < KEYS; i++) {
                MDC.put("request-" + i, "open");
            }
        });
        park("log4j-requests", () -> {
            for (int i = 0; i < KEYS; i++) {
                ThreadContext.put("request-" + i, "open");
            }
        });
        found("mdc", "likely", null, null);
        equal("threads", 2);
        equal("entries", 2 * KEYS);
        equal("entries of the largest", KEYS);
    }

    @Override
    void healthy() throws Exception {
        logback();
        log4j();
        written.await();
        park("requests", () -> {
            for (int i = 0; i < KEYS; i++) {
                try (MDC.MDCCloseable closed = MDC.putCloseable("request-" + i, "open")) {
                    LoggerFactory.getLogger("requests").trace("request {}", closed);
                }
                ThreadContext.put("request-" + i, "open");
                ThreadContext.clearAll();
            }
        });
    }

    public static void main(String[] arguments) throws Exception {
        new LoggingLeaks(arguments[0].equals("leak")).run(arguments);
    }
}

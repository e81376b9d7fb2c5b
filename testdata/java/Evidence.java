/* SPDX-License-Identifier: MIT */
/*
 * Runs out of memory while bundling files that nobody ever removed:
 *
 *     thread "evidence-upload"                              class EvidenceInbox
 *       OutOfMemoryError.<init>        (written by the JVM)   static PENDING -> LinkedHashMap -> Entry -> EvidenceFile  .image -> byte[65536]
 *       Arrays.copyOf
 *       ByteArrayOutputStream.ensureCapacity
 *       ByteArrayOutputStream.write
 *       EvidenceUpload.bundle          <- the application's method
 *       EvidenceUpload.run
 *       Thread.run
 *
 * An entry of a LinkedHashMap hangs on the table and on its neighbour, so the memory sits in the map as a whole; the shortest way to the
 * first entry is the map's field head.
 *
 * 150 files of 64 KiB are 9.4 MiB. The bundle doubles: at 4 MiB it asks for 8 more, and 24 MiB are not enough.
 */
package com.acme.evidence;

import java.io.ByteArrayOutputStream;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.Map;

final class EvidenceFile {
    static final int IMAGE_BYTES = 64 * 1024;
    final String caseNumber;
    final byte[] image = new byte[IMAGE_BYTES];

    EvidenceFile(int number) {
        caseNumber = "case-" + number;
        Arrays.fill(image, (byte) number);
    }
}

final class EvidenceInbox {
    static final Map<Integer, EvidenceFile> PENDING = new LinkedHashMap<>();

    private EvidenceInbox() {
    }

    static void receive(int number) {
        PENDING.put(number, new EvidenceFile(number));
    }
}

final class EvidenceUpload implements Runnable {
    long sent;

    @Override
    public void run() {
        byte[] bundle = bundle();
        sent += bundle.length;
    }

    private byte[] bundle() {
        ByteArrayOutputStream bundle = new ByteArrayOutputStream();
        for (int i = 0; i < EvidenceInbox.PENDING.size(); i++) {
            byte[] image = EvidenceInbox.PENDING.get(i).image;
            bundle.write(image, 0, image.length);
        }
        return bundle.toByteArray();
    }
}

public final class Evidence {
    static final int FILES = 150;

    private Evidence() {
    }

    public static void main(String[] args) throws Exception {
        Thread heartbeat = new Thread(Evidence::beat, "heartbeat");
        heartbeat.setDaemon(true);
        heartbeat.start();
        for (int i = 0; i < FILES; i++) {
            EvidenceInbox.receive(i);
        }
        Thread upload = new Thread(new EvidenceUpload(), "evidence-upload");
        upload.start();
        upload.join();
    }

    private static void beat() {
        try {
            Thread.sleep(3_600_000);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
    }
}

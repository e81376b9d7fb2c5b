/* SPDX-License-Identifier: MIT */
/*
 * Dumps the heap of the JVM that runs the tests: call it at the end of an integration test (HeapGateIT.dump(Path.of("target/app.hprof"))), or run it.
 */
import com.sun.management.HotSpotDiagnosticMXBean;
import java.io.IOException;
import java.lang.management.ManagementFactory;
import java.nio.file.Files;
import java.nio.file.Path;

public final class HeapGateIT {
    private HeapGateIT() {
    }

    /* Live objects alone: the JVM collects garbage first. The JVM refuses to overwrite a file, and names must end in .hprof. */
    public static void dump(Path target) throws IOException {
        Files.deleteIfExists(target);
        HotSpotDiagnosticMXBean bean = ManagementFactory.getPlatformMXBean(HotSpotDiagnosticMXBean.class);
        bean.dumpHeap(target.toAbsolutePath().toString(), true);
    }

    public static void main(String[] args) throws IOException {
        dump(Path.of(args.length > 0 ? args[0] : "app.hprof"));
    }
}

/* SPDX-License-Identifier: MIT */
/*
 * Virtual threads in every state a dump can show, each with a Ticket as a local variable and nowhere else:
 *
 *     ticket-poll-1 … ticket-poll-5   unmounted: parked in LockSupport.park, called by Tickets.poll
 *     ticket-sleep                    unmounted: in Thread.sleep, called by Tickets.sleep
 *     ticket-render                   mounted: computes in Tickets.render
 *
 * Prints "ready" and waits until its input ends.
 */
package com.acme.tickets;

import java.util.concurrent.locks.LockSupport;

final class Ticket {
    final int number;
    final byte[] seatPlan = new byte[4096];

    Ticket(int number) {
        this.number = number;
    }
}

public final class Tickets {
    static final int POLLERS = 5;
    static volatile boolean stop;
    static volatile long sum;

    private Tickets() {
    }

    public static void main(String[] args) throws Exception {
        for (int i = 1; i <= POLLERS; i++) {
            int number = i;
            Thread.ofVirtual().name("ticket-poll-" + i).start(() -> poll(number));
        }
        Thread.ofVirtual().name("ticket-sleep").start(Tickets::sleep);
        Thread.ofVirtual().name("ticket-render").start(Tickets::render);
        Thread.sleep(1000); /* until all have come to rest, or to work */
        System.out.println("ready");
        System.in.read();
        stop = true;
    }

    /* The ticket is used after the wait, so that it is alive during it. */
    private static void poll(int number) {
        Ticket ticket = new Ticket(number);
        while (!stop) {
            LockSupport.park();
        }
        sum += ticket.number;
    }

    private static void sleep() {
        Ticket ticket = new Ticket(100);
        try {
            Thread.sleep(3_600_000);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
        sum += ticket.number;
    }

    private static void render() {
        Ticket ticket = new Ticket(200);
        while (!stop) {
            sum++;
        }
        sum += ticket.number;
    }
}

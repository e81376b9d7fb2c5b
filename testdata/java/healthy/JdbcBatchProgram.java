/* SPDX-License-Identifier: MIT */
/* A batch over HSQLDB in memory: 50,000 orders written in batches, then read again and again; one result set is open while it is looked at. */
package com.acme.healthy;

import java.sql.Connection;
import java.sql.DriverManager;
import java.sql.PreparedStatement;
import java.sql.ResultSet;
import java.sql.Statement;

public final class JdbcBatchProgram {
    private JdbcBatchProgram() {
    }

    public static void main(String[] args) throws Exception {
        try (Connection connection = DriverManager.getConnection("jdbc:hsqldb:mem:orders", "sa", "")) {
            try (Statement statement = connection.createStatement()) {
                statement.execute("create table orders (id int primary key, customer varchar(40), cents int)");
            }
            write(connection);
            for (int i = 0; i < 20; i++) {
                sum(connection, i);
            }
            try (PreparedStatement statement = connection.prepareStatement("select id, cents from orders where cents < 5000")) {
                statement.setFetchSize(100);
                try (ResultSet rows = statement.executeQuery()) {
                    rows.next();
                    System.out.println("ready");
                    while (System.in.read() >= 0) {
                        continue;
                    }
                }
            }
        }
    }

    private static void write(Connection connection) throws Exception {
        connection.setAutoCommit(false);
        try (PreparedStatement insert = connection.prepareStatement("insert into orders values (?, ?, ?)")) {
            for (int i = 0; i < 50_000; i++) {
                insert.setInt(1, i);
                insert.setString(2, "customer " + i % 1000);
                insert.setInt(3, i * 7 % 100_000);
                insert.addBatch();
                if (i % 1000 == 999) {
                    insert.executeBatch();
                    connection.commit();
                }
            }
        }
    }

    private static void sum(Connection connection, int customer) throws Exception {
        try (PreparedStatement statement = connection.prepareStatement("select sum(cents) from orders where customer = ?")) {
            statement.setString(1, "customer " + customer);
            try (ResultSet rows = statement.executeQuery()) {
                rows.next();
            }
        }
    }
}

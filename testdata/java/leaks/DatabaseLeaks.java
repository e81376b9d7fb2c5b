/* SPDX-License-Identifier: MIT */
/* Connection pools that have lent everything (HikariCP, DBCP over HSQLDB), and results and statements that PostgreSQL's driver keeps. */
package com.acme.leaks;

import com.zaxxer.hikari.HikariConfig;
import com.zaxxer.hikari.HikariDataSource;
import java.sql.Connection;
import java.sql.DriverManager;
import java.sql.PreparedStatement;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.sql.Statement;
import java.util.ArrayList;
import java.util.List;
import javax.sql.DataSource;
import org.apache.commons.dbcp2.BasicDataSource;

public final class DatabaseLeaks extends Theme {
    private static final int CONNECTIONS = 6;
    private static final int ROWS = 20_000;
    private static final int STATEMENTS = 1_200;
    private static final String QUERY = "SELECT n, repeat('x', 400) FROM generate_series(1, " + ROWS + ") AS n";

    private static final List<Connection> BORROWED = new ArrayList<>();
    private static ResultSet orders;
    private static Connection reports;
    private static HikariDataSource hikari;
    private static BasicDataSource dbcp;

    private final String address;

    private DatabaseLeaks(String address) {
        this.address = address;
    }

    private static void makePools() {
        HikariConfig config = new HikariConfig();
        config.setJdbcUrl("jdbc:hsqldb:mem:orders");
        config.setUsername("SA");
        config.setPoolName("orders");
        config.setMaximumPoolSize(CONNECTIONS);
        hikari = new HikariDataSource(config);
        dbcp = new BasicDataSource();
        dbcp.setUrl("jdbc:hsqldb:mem:stock");
        dbcp.setUsername("SA");
        dbcp.setMaxTotal(CONNECTIONS);
        dbcp.setMaxIdle(CONNECTIONS);
    }

    private static void borrow(DataSource source) throws SQLException {
        for (int i = 0; i < CONNECTIONS; i++) {
            BORROWED.add(source.getConnection());
        }
    }

    /* Each text is another statement, which the driver keeps for the next time. */
    private void prepare(Connection connection, boolean literal) throws SQLException {
        for (int i = 0; i < STATEMENTS; i++) {
            String text = "SELECT 1 /*" + "x".repeat(literal ? 16_000 : 0) + "*/ WHERE 1 = " + (literal ? Integer.toString(i) : "?");
            try (PreparedStatement statement = connection.prepareStatement(text)) {
                if (!literal) {
                    statement.setInt(1, i);
                }
                statement.executeQuery().close();
            }
        }
    }

    @Override
    void leak() throws Exception {
        makePools();
        borrow(hikari);
        borrow(dbcp);
        found("hikari-exhausted", "likely", null, null);
        says("orders");
        equal("connections borrowed", hikari.getHikariPoolMXBean().getActiveConnections());
        equal("connections allowed", CONNECTIONS);
        found("pool2-exhausted", "likely", null, null);
        equal("exhausted pools", 1);
        equal("objects borrowed", dbcp.getNumActive());
        Statement statement = DriverManager.getConnection(address).createStatement();
        orders = statement.executeQuery(QUERY);
        orders.next();
        found("postgresql-result", "seen", DatabaseLeaks.class, "orders");
        equal("rows", ROWS);
        equal("rows of the largest", ROWS);
        equal("results fetched whole (no cursor)", 1);
        reports = DriverManager.getConnection(address + "&preparedStatementCacheQueries=5000&preparedStatementCacheSizeMiB=256");
        prepare(reports, true);
        found("statement-caches", "seen", DatabaseLeaks.class, "reports");
        least("statements in the fullest", STATEMENTS);
    }

    @Override
    void healthy() throws Exception {
        makePools();
        borrow(hikari);
        borrow(dbcp);
        for (Connection connection : BORROWED) {
            connection.close();
        }
        Connection connection = DriverManager.getConnection(address);
        connection.setAutoCommit(false);
        Statement statement = connection.createStatement();
        statement.setFetchSize(100);
        orders = statement.executeQuery(QUERY);
        orders.next();
        reports = DriverManager.getConnection(address);
        prepare(reports, false);
    }

    public static void main(String[] arguments) throws Exception {
        new DatabaseLeaks(arguments[3]).run(arguments);
    }
}

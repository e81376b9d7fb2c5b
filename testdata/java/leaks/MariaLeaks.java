/* SPDX-License-Identifier: MIT */
/* MariaDB's driver: a result that is fetched whole and kept, beside one that is read row by row. */
package com.acme.leaks;

import java.sql.Connection;
import java.sql.DriverManager;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.sql.Statement;

public final class MariaLeaks extends Theme {
    private static final int ROWS = 20_000;
    private static final String QUERY = "SELECT seq, repeat('x', 2000) FROM seq_1_to_" + ROWS;

    private static ResultSet orders;

    private final String address;

    private MariaLeaks(String address) {
        this.address = address;
    }

    private Statement statement() throws SQLException {
        Connection connection = DriverManager.getConnection(address);
        return connection.createStatement(ResultSet.TYPE_FORWARD_ONLY, ResultSet.CONCUR_READ_ONLY);
    }

    @Override
    void leak() throws Exception {
        orders = statement().executeQuery(QUERY);
        orders.next();
        found("mysql-result", "likely", MariaLeaks.class, "orders");
        equal("large results", 1);
        equal("rows", ROWS);
        equal("rows of the largest", ROWS);
        least("bytes kept", ROWS * 2_000L);
    }

    @Override
    void healthy() throws Exception {
        Statement statement = statement();
        statement.setFetchSize(100);
        orders = statement.executeQuery(QUERY);
        for (int i = 0; i < ROWS / 2; i++) {
            orders.next();
        }
    }

    public static void main(String[] arguments) throws Exception {
        new MariaLeaks(arguments[3]).run(arguments);
    }
}

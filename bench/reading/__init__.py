"""Reading a hundred thousand persons over HTTP into DuckDB: ours, dlt in three ways, the wire."""

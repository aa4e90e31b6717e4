"""Reading a hundred thousand persons over HTTP into DuckDB: ours, dlt in four ways, the wire."""

"""What must survive a crash: ledger, leases, identity, consent, cursors; and the DuckDB files."""

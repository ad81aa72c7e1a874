//! The store for many nodes: PostgreSQL. Any number of Spillwatch nodes share one database and keep no state of
//! their own; replication, failover and partitioning are PostgreSQL's work (docs/adr/0007-postgresql.md).

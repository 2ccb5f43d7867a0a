//! Messages between clients and peers: proposals, transactions, lifecycle, delivery of blocks.

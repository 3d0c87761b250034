//! Market model, venue formats, wire protocol and capture format of Tickcast; no I/O of its own.

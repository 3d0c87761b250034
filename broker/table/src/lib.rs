//! The lock-free snapshot table: images, logs, interest and dirty marks.

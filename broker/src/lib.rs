//! The Tickcast broker: one venue connection in, thousands of subscriber sockets out.

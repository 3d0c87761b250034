//! The conversation with one client: its bytes are decoded, its requests answered.

mod decoder;
mod rate;
pub(crate) mod requests;

use crate::clock;
use crate::fanout::connection::ConnectionId;
use crate::fanout::shard::Shard;
use crate::fanout::socket::Socket;
use crate::fanout::thread::{ShardTasks, is_closing};
use bytes::Bytes;
use decoder::{Decoder, Incoming};
use rate::RateLimit;
use schemas::wire::close;
use std::cell::RefCell;
use std::io;
use std::rc::Rc;

/// What is read at once. All readers of a thread share one buffer: none of them waits while it holds it.
const READ_BYTES: usize = 16 * 1024;

thread_local! {
    static READ_BUFFER: RefCell<Vec<u8>> = RefCell::new(vec![0; READ_BYTES]);
}

struct Session {
    id: ConnectionId,
    decoder: Decoder,
    rate: RateLimit,
}

/// Reads what a client sends until it ends.
pub(crate) async fn read(tasks: Rc<ShardTasks>, id: ConnectionId, socket: Rc<Socket>, read_ahead: Bytes) {
    let mut session = tasks.with(|shard| Box::new(Session::new(shard, id)));
    if !read_ahead.is_empty() {
        tasks.with(|shard| session.receive(shard, &tasks, &read_ahead));
    }
    drop(read_ahead);
    while socket.readable().await.is_ok() {
        let _chore = tasks.chore().await;
        match READ_BUFFER.with_borrow_mut(|buffer| session.read_once(&tasks, &socket, buffer)) {
            Ok(0) => return,
            Ok(_) => {}
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
            Err(_) => return,
        }
    }
}

impl Session {
    fn new(shard: &Shard, id: ConnectionId) -> Self {
        let settings = &shard.settings;
        Self {
            id,
            decoder: Decoder::new(settings.request_bytes_max),
            rate: RateLimit::new(settings.requests_per_s_max, settings.request_burst_max),
        }
    }

    fn read_once(&mut self, tasks: &Rc<ShardTasks>, socket: &Socket, buffer: &mut [u8]) -> io::Result<usize> {
        let read = socket.try_read(buffer)?;
        tasks.with(|shard| self.receive(shard, tasks, &buffer[..read]));
        Ok(read)
    }

    fn receive(&mut self, shard: &mut Shard, tasks: &ShardTasks, bytes: &[u8]) {
        if is_closing(shard, self.id) {
            return;
        }
        let (mut messages, mut answers) = (Vec::new(), Vec::new());
        let decoded = self.decoder.decode(bytes, &mut messages, &mut answers);
        let closes = messages.contains(&Incoming::Close);
        for message in messages {
            match message {
                Incoming::Text(text) => self.request(shard, &text, tasks.clock().now()),
                Incoming::Pong => shard.ponged(self.id),
                Incoming::Close => {}
            }
        }
        if closes {
            // The echo of the close frame is the last of the answers.
            return shard.close_with(self.id, &answers);
        }
        if !answers.is_empty() {
            shard.send_control(self.id, &answers, clock::instant());
        }
        if let Err(fault) = decoded {
            shard.counts.closed_policy += 1;
            shard.close(self.id, fault.code, &fault.reason);
        }
    }

    /// Answers a request, unless they come too fast: then it is refused, and a flood of them ends the connection.
    fn request(&mut self, shard: &mut Shard, text: &str, clock: schemas::model::Micros) {
        let now = clock::instant();
        if self.rate.take(now) {
            shard.counts.requests += 1;
            return requests::answer(shard, self.id, text, now, clock);
        }
        shard.counts.requests_refused += 1;
        if self.rate.refused_in_a_row() > shard.settings.refused_requests_max {
            shard.counts.closed_policy += 1;
            return shard.close(self.id, close::POLICY, "a flood of requests");
        }
        requests::refuse(shard, self.id, text, now);
    }
}

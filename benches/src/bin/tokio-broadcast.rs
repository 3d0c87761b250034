//! A broadcast server as one writes it by hand with tokio and tokio-tungstenite, for `loadgen compare`: a broadcast channel
//! for each symbol, and a task for each connection, which sends what its channels bring.
//!
//! `{"subscribe":["a","b"]}` is answered by `{"subscribed":2}`; any other message is an update, which goes as it is to whoever
//! subscribed to its `symbol`. A connection that falls behind a channel's length misses updates.

use futures_util::stream::{SelectAll, unfold};
use futures_util::{SinkExt, StreamExt};
use serde::Deserialize;
use std::collections::HashMap;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::broadcast::{self, error::RecvError};
use tokio_tungstenite::tungstenite::{Error, Message, Utf8Bytes};

/// Updates that a channel keeps for those that are behind.
const CHANNEL_LENGTH: usize = 1024;

type Updates = Pin<Box<dyn futures_util::Stream<Item = Utf8Bytes> + Send>>;

/// What a message may hold.
#[derive(Deserialize)]
struct Request {
    subscribe: Option<Vec<String>>,
    symbol: Option<String>,
}

#[derive(Clone, Default)]
struct Channels(Arc<Mutex<HashMap<String, broadcast::Sender<Utf8Bytes>>>>);

impl Channels {
    fn of(&self, symbol: &str) -> broadcast::Sender<Utf8Bytes> {
        let mut channels = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(channel) = channels.get(symbol) {
            return channel.clone();
        }
        let channel = broadcast::Sender::new(CHANNEL_LENGTH);
        channels.insert(symbol.to_owned(), channel.clone());
        channel
    }
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let address = std::env::args().nth(1).ok_or("usage: tokio-broadcast HOST:PORT")?;
    let listener = TcpListener::bind(address).await?;
    let channels = Channels::default();
    loop {
        let (stream, _) = listener.accept().await?;
        // A connection that fails is over, and nobody else's.
        tokio::spawn(serve(stream, channels.clone()));
    }
}

async fn serve(stream: TcpStream, channels: Channels) -> Result<(), Error> {
    stream.set_nodelay(true)?;
    let mut socket = tokio_tungstenite::accept_async(stream).await?;
    let mut updates = SelectAll::<Updates>::new();
    loop {
        tokio::select! {
            Some(update) = updates.next() => socket.send(Message::Text(update)).await?,
            message = socket.next() => {
                let Some(message) = message else { return Ok(()) };
                let Message::Text(text) = message? else { continue };
                let Ok(request) = serde_json::from_str::<Request>(&text) else { continue };
                if let Some(symbols) = request.subscribe {
                    updates.extend(symbols.iter().map(|symbol| subscription(&channels.of(symbol))));
                    let answer = format!("{{\"subscribed\":{}}}", symbols.len());
                    socket.send(Message::text(answer)).await?;
                } else if let Some(symbol) = request.symbol {
                    // Without subscribers there is nobody to send to.
                    let _ = channels.of(&symbol).send(text);
                }
            }
        }
    }
}

fn subscription(channel: &broadcast::Sender<Utf8Bytes>) -> Updates {
    Box::pin(unfold(channel.subscribe(), |mut receiver| async move {
        loop {
            match receiver.recv().await {
                Ok(update) => return Some((update, receiver)),
                Err(RecvError::Lagged(_)) => {}
                Err(RecvError::Closed) => return None,
            }
        }
    }))
}

//! Requests and their replies. A reply is sent before any data that it grants, and after all data that was due before.

use crate::fanout::Beginning;
use crate::fanout::connection::ConnectionId;
use crate::fanout::shard::Shard;
use crate::fanout::subscription::{Options, Pattern, Tier};
use feed::market::{MarketError, Registry};
use feed::topic::TopicHandle;
use schemas::model::{Channel, Micros};
use schemas::wire::reply::{self, ErrorCode, Rejected, Subscribed};
use schemas::wire::request::{self, Method, Request, RequestId, Subscribe, Wanted};
use std::sync::Arc;
use std::time::Instant;

/// Answers a request.
pub(crate) fn answer(shard: &mut Shard, id: ConnectionId, text: &str, now: Instant, clock: Micros) {
    let reply = match request::parse(text) {
        Ok(Request { id: request, method }) => perform(shard, id, &request, method, now, clock),
        Err(error) => reply::error(&error.id, error.code, &error.message),
    };
    shard.send_text(id, &reply, now);
}

/// Answers a request that came too soon.
pub(crate) fn refuse(shard: &mut Shard, id: ConnectionId, text: &str, now: Instant) {
    let request = request::parse(text).map_or_else(|error| error.id, |request| request.id);
    let message = format!("at most {} requests a second", shard.settings.requests_per_s_max);
    let reply = reply::error(&request, ErrorCode::RateLimited, &message);
    shard.send_text(id, &reply, now);
}

fn perform(
    shard: &mut Shard,
    id: ConnectionId,
    request: &RequestId,
    method: Method,
    now: Instant,
    clock: Micros,
) -> Vec<u8> {
    // What the present batch owes this connection goes out first: the request may change where it stands.
    shard.flush_one(id, now);
    match method {
        Method::Subscribe(wanted) => subscribe(shard, id, request, &wanted, now),
        Method::Unsubscribe(wanted) => unsubscribe(shard, id, request, &wanted),
        Method::Subscriptions => subscriptions(shard, id, request),
        Method::Ping => reply::pong(request, clock),
        Method::Authenticate(_) => {
            reply::error(request, ErrorCode::BadRequest, "this broker asks for no token")
        }
    }
}

fn subscribe(
    shard: &mut Shard,
    id: ConnectionId,
    request: &RequestId,
    wanted: &Subscribe,
    now: Instant,
) -> Vec<u8> {
    let named = wanted.symbols.iter().map(|one| one.symbol.as_str()).filter(|symbol| !symbol.ends_with('*'));
    let not_opened = shard.market.demand(named);
    let registry = shard.market.registry();
    let options = Options {
        tier: tier(&shard.settings.tiers_ms, wanted.interval_ms),
        on_slow: wanted.on_slow,
        adaptive: wanted.adaptive,
        by_name: false,
    };
    let (mut subscribed, mut rejected) = (Vec::new(), Vec::new());
    for one in &wanted.symbols {
        let granted = match one.symbol.strip_suffix('*') {
            Some(prefix) => subscribe_pattern(shard, id, &registry, wanted, one, prefix, options, now),
            None => {
                let options = Options { by_name: true, ..options };
                let granted = subscribe_symbol(shard, id, &registry, wanted, one, options, now);
                granted.map_err(|refusal| not_on_demand(&not_opened, &one.symbol).unwrap_or(refusal))
            }
        };
        match granted {
            Ok(granted) => subscribed.push(granted),
            Err((code, message)) => {
                let symbol = clipped(&one.symbol);
                rejected.push(Rejected { symbol, code, message });
            }
        }
    }
    reply::subscribe(request, &subscribed, &rejected)
}

type Refusal = (ErrorCode, String);

/// Why a symbol is not there that a feed would bring on demand.
fn not_on_demand(not_opened: &[(String, MarketError)], symbol: &str) -> Option<Refusal> {
    let (_, error) = not_opened.iter().find(|(refused, _)| refused == symbol)?;
    let code = match error {
        MarketError::Symbol(_) => ErrorCode::UnknownSymbol,
        _ => ErrorCode::LimitExceeded,
    };
    Some((code, error.to_string()))
}

fn subscribe_symbol<'a>(
    shard: &mut Shard,
    id: ConnectionId,
    registry: &'a Registry,
    wanted: &Subscribe,
    one: &'a Wanted,
    options: Options,
    now: Instant,
) -> Result<Subscribed<'a>, Refusal> {
    let handle = find(registry, wanted, &one.symbol)?;
    if shard.subscription(id, handle.id).is_none() && !shard.has_room(id) {
        return Err(limit_exceeded(shard));
    }
    let beginning = match &one.resume {
        Some(resume) => Beginning::Resume(resume),
        None if wanted.snapshot => Beginning::AlwaysSnapshot,
        None => Beginning::Snapshot,
    };
    let granted = shard.subscribe(id, handle, options, beginning, now);
    Ok(Subscribed {
        symbol: Some(handle.symbol.as_str()),
        epoch: Some(&handle.epoch),
        seq: Some(granted.seq),
        state: Some(granted.state),
        resumed: granted.resumed,
        ..held_topic(shard, id, handle, granted.options)
    })
}

#[expect(clippy::too_many_arguments, reason = "one call, from above")]
fn subscribe_pattern<'a>(
    shard: &mut Shard,
    id: ConnectionId,
    registry: &Registry,
    wanted: &Subscribe,
    one: &'a Wanted,
    prefix: &str,
    options: Options,
    now: Instant,
) -> Result<Subscribed<'a>, Refusal> {
    if one.resume.is_some() || prefix.contains('*') {
        let message = "a pattern ends with its only `*`, and is not resumed: name the symbols";
        return Err((ErrorCode::BadRequest, message.to_owned()));
    }
    let topics = registry.topics_len();
    let pattern =
        Pattern { channel: wanted.channel, prefix: prefix.into(), options, topics, leaves_out: false };
    let matching = matching(registry, wanted.channel, prefix);
    let new = matching.iter().filter(|handle| shard.subscription(id, handle.id).is_none()).count();
    let Some(connection) = shard.connections.get_mut(id) else { return Err(limit_exceeded(shard)) };
    let known = connection
        .patterns
        .iter()
        .position(|held| held.channel == pattern.channel && held.prefix == pattern.prefix);
    let held_now = connection.subscriptions.len() + connection.patterns.len();
    if held_now + new + usize::from(known.is_none()) > shard.settings.subscriptions_max {
        shard.counts.subscriptions_refused += 1;
        return Err(limit_exceeded(shard));
    }
    if let Some(at) = known {
        connection.patterns.remove(at);
    }
    connection.patterns.push(pattern);
    let beginning = if wanted.snapshot { Beginning::AlwaysSnapshot } else { Beginning::Snapshot };
    for handle in &matching {
        shard.subscribe(id, handle, options, beginning, now);
    }
    Ok(Subscribed {
        pattern: Some(&one.symbol),
        matched: Some(matching.len()),
        ..held(shard, wanted.channel, options)
    })
}

fn unsubscribe(shard: &mut Shard, id: ConnectionId, request: &RequestId, wanted: &Subscribe) -> Vec<u8> {
    let registry = shard.market.registry();
    let (mut ended, mut rejected) = (0, Vec::new());
    for one in &wanted.symbols {
        if let Some(prefix) = one.symbol.strip_suffix('*') {
            let matching = matching(&registry, wanted.channel, prefix);
            ended += shard.unsubscribe_pattern(id, wanted.channel, prefix, &matching);
            continue;
        }
        match find(&registry, wanted, &one.symbol) {
            Ok(handle) => ended += usize::from(shard.unsubscribe(id, handle.id)),
            Err((code, message)) => {
                let symbol = clipped(&one.symbol);
                rejected.push(Rejected { symbol, code, message });
            }
        }
    }
    reply::unsubscribe(request, ended, &rejected)
}

fn subscriptions(shard: &mut Shard, id: ConnectionId, request: &RequestId) -> Vec<u8> {
    let registry = shard.market.registry();
    let Some(connection) = shard.connections.get(id) else { return Vec::new() };
    let patterns: Vec<String> = connection.patterns.iter().map(Pattern::text).collect();
    let mut list: Vec<Subscribed<'_>> = connection
        .subscriptions
        .iter()
        .filter_map(|subscription| {
            let handle = registry.topic(subscription.topic)?;
            Some(Subscribed {
                symbol: Some(handle.symbol.as_str()),
                epoch: Some(&handle.epoch),
                state: Some(handle.state()),
                ..held_topic(shard, id, handle, subscription.options)
            })
        })
        .collect();
    list.extend(connection.patterns.iter().zip(&patterns).map(|(pattern, text)| Subscribed {
        pattern: Some(text),
        matched: Some(matching(&registry, pattern.channel, &pattern.prefix).len()),
        ..held(shard, pattern.channel, pattern.options)
    }));
    reply::subscriptions(request, &list)
}

fn find<'a>(
    registry: &'a Registry,
    wanted: &Subscribe,
    symbol: &str,
) -> Result<&'a Arc<TopicHandle>, Refusal> {
    let unknown = || (ErrorCode::UnknownSymbol, format!("no symbol `{}`", clipped(symbol)));
    let entry = registry.symbol(symbol).ok_or_else(unknown)?;
    let without = || {
        let message = format!("`{}` has no channel `{}`", clipped(symbol), wanted.channel);
        (ErrorCode::UnknownChannel, message)
    };
    entry.topic(wanted.channel).ok_or_else(without)
}

fn matching(registry: &Registry, channel: Channel, prefix: &str) -> Vec<Arc<TopicHandle>> {
    registry
        .symbols()
        .iter()
        .filter_map(|entry| entry.topic(channel))
        .filter(|handle| handle.symbol.as_str().starts_with(prefix))
        .cloned()
        .collect()
}

/// The fields of a topic's grant that tell how it is served now.
fn held_topic(
    shard: &Shard,
    id: ConnectionId,
    handle: &TopicHandle,
    options: Options,
) -> Subscribed<'static> {
    let requested = shard.adaptation.requested(id, handle.id);
    Subscribed {
        requested_interval_ms: requested.map(|tier| interval_ms(shard, tier)),
        ..held(shard, handle.channel, options)
    }
}

/// The fields that all grants have.
fn held(shard: &Shard, channel: Channel, options: Options) -> Subscribed<'static> {
    Subscribed {
        channel,
        symbol: None,
        pattern: None,
        matched: None,
        epoch: None,
        seq: None,
        interval_ms: interval_ms(shard, options.tier),
        requested_interval_ms: None,
        on_slow: options.on_slow.name(),
        adaptive: options.adaptive,
        state: None,
        resumed: None,
    }
}

fn interval_ms(shard: &Shard, tier: Tier) -> u32 {
    shard.settings.tiers_ms[usize::from(tier)]
}

fn limit_exceeded(shard: &Shard) -> Refusal {
    (ErrorCode::LimitExceeded, shard.at_most_subscriptions())
}

/// The tier whose interval is the shortest that is not below `interval_ms`, or the slowest.
fn tier(tiers_ms: &[u32], interval_ms: u32) -> Tier {
    let at = tiers_ms.iter().position(|tier| *tier >= interval_ms).unwrap_or(tiers_ms.len() - 1);
    at as Tier
}

/// So that a reply cannot be made long from outside.
fn clipped(text: &str) -> &str {
    let end = text.char_indices().nth(96).map_or(text.len(), |(at, _)| at);
    &text[..end]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_interval_is_rounded_up_to_a_tier() {
        let tiers = [0, 50, 100, 1_000];
        let rounded: Vec<_> = [0, 1, 50, 51, 1_000, 5_000].map(|ms| tier(&tiers, ms)).into();
        assert_eq!(rounded, [0, 1, 1, 2, 3, 3]);
    }
}

//! REST: the time, the system's status, and what the capture shows of its pairs and their assets.

use super::pair::Pair;
use crate::stand_in::{HttpReply, Target};
use crate::time::rfc3339_micros;
use crate::venue::precision::{Precision, step};
use schemas::capture::UnixNanos;
use serde_json::{Map, Value, json};
use std::collections::{BTreeMap, BTreeSet};

/// Currencies, and the first assets listed, have names of their own here: an `X` or a `Z` in front.
const FIRST_COINS: [&str; 11] = ["ETC", "ETH", "LTC", "MLN", "REP", "XBT", "XDG", "XLM", "XMR", "XRP", "ZEC"];
const CURRENCIES: [&str; 6] = ["AUD", "CAD", "EUR", "GBP", "JPY", "USD"];

/// Answers a request.
pub(super) fn answer(target: &Target, now: UnixNanos, pairs: &BTreeMap<String, Pair>) -> HttpReply {
    let result = match target.path.strip_prefix("/0/public/") {
        Some("Time") => json!({"unixtime": now / 1_000_000_000, "rfc1123": rfc1123(now)}),
        Some("SystemStatus") => json!({"status": "online", "timestamp": rfc3339_micros(now)}),
        Some("Assets") => assets(pairs),
        Some("AssetPairs") => match asset_pairs(target, pairs) {
            Some(known) => known,
            None => return refusal(200, "EQuery:Unknown asset pair"),
        },
        _ => return not_found(),
    };
    HttpReply::ok(json!({"error": [], "result": result}).to_string())
}

pub(super) fn not_found() -> HttpReply {
    refusal(404, "EGeneral:Unknown method")
}

fn refusal(status: u16, error: &str) -> HttpReply {
    HttpReply { status, body: json!({"error": [error]}).to_string() }
}

/// All pairs by the venue's names, or those asked for by the names that they were asked by. None if there is one that is not known.
fn asset_pairs(target: &Target, pairs: &BTreeMap<String, Pair>) -> Option<Value> {
    let known = pairs.iter().map(|(symbol, pair)| (Names::of(symbol), pair.precision));
    let Some(asked) = target.query("pair") else {
        return Some(known.map(|(names, precision)| (names.id(), names.pair(precision))).collect());
    };
    let known: Vec<_> = known.collect();
    let found = asked.split(',').map(|asked| {
        let (names, precision) = known.iter().find(|(names, _)| names.are_meant(asked))?;
        let is_symbol = asked == names.symbol;
        Some((if is_symbol { asked.to_owned() } else { names.id() }, names.pair(*precision)))
    });
    found.collect::<Option<Map<_, _>>>().map(Value::from)
}

fn assets(pairs: &BTreeMap<String, Pair>) -> Value {
    let of_pair = |symbol: &String| {
        let Names { base, quote, .. } = Names::of(symbol);
        [base, quote]
    };
    let names: BTreeSet<_> = pairs.keys().flat_map(of_pair).collect();
    let asset = |name: String| {
        let known = json!({
            "aclass": "currency", "altname": name, "decimals": 10, "display_decimals": 5, "status": "enabled",
        });
        (id_of_asset(&name), known)
    };
    names.into_iter().map(asset).collect()
}

/// The names of a pair, which are not those of the WebSocket: bitcoin is XBT here, and dogecoin XDG.
struct Names<'a> {
    symbol: &'a str,
    base: String,
    quote: String,
}

impl<'a> Names<'a> {
    fn of(symbol: &'a str) -> Self {
        let (base, quote) = symbol.split_once('/').unwrap_or((symbol, ""));
        let name = |asset: &str| match asset {
            "BTC" => "XBT".to_owned(),
            "DOGE" => "XDG".to_owned(),
            other => other.to_owned(),
        };
        Self { symbol, base: name(base), quote: name(quote) }
    }

    fn altname(&self) -> String {
        format!("{}{}", self.base, self.quote)
    }

    fn wsname(&self) -> String {
        format!("{}/{}", self.base, self.quote)
    }

    /// `XXBTZUSD` where both have a name with a letter in front, else as the altname.
    fn id(&self) -> String {
        let ids = (id_of_asset(&self.base), id_of_asset(&self.quote));
        if ids.0 == self.base || ids.1 == self.quote { self.altname() } else { ids.0 + &ids.1 }
    }

    fn are_meant(&self, asked: &str) -> bool {
        asked == self.symbol || asked == self.altname() || asked == self.wsname() || asked == self.id()
    }

    fn pair(&self, Precision { price, size }: Precision) -> Value {
        json!({
            "altname": self.altname(), "wsname": self.wsname(),
            "aclass_base": "currency", "base": id_of_asset(&self.base),
            "aclass_quote": "currency", "quote": id_of_asset(&self.quote),
            "lot": "unit", "cost_decimals": 5, "pair_decimals": price, "lot_decimals": size,
            "lot_multiplier": 1, "leverage_buy": [], "leverage_sell": [], "fees": [], "fees_maker": [],
            "tick_size": step(price), "status": "online",
        })
    }
}

fn id_of_asset(name: &str) -> String {
    if FIRST_COINS.contains(&name) {
        format!("X{name}")
    } else if CURRENCIES.contains(&name) {
        format!("Z{name}")
    } else {
        name.to_owned()
    }
}

/// `Sat, 21 Nov 26 20:15:00 +0000`, as the venue writes it.
fn rfc1123(now: UnixNanos) -> String {
    let time = jiff::Timestamp::from_nanosecond(i128::from(now)).unwrap_or_default();
    time.strftime("%a, %d %b %y %H:%M:%S +0000").to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pairs_have_the_names_that_the_venue_gives_them() {
        let cases = [
            ("BTC/USD", "XBTUSD", "XBT/USD", "XXBTZUSD"),
            ("ETH/BTC", "ETHXBT", "ETH/XBT", "XETHXXBT"),
            ("BTC/USDT", "XBTUSDT", "XBT/USDT", "XBTUSDT"),
            ("SOL/EUR", "SOLEUR", "SOL/EUR", "SOLEUR"),
            ("DOGE/USD", "XDGUSD", "XDG/USD", "XXDGZUSD"),
        ];
        for (symbol, altname, wsname, id) in cases {
            let names = Names::of(symbol);
            let told = (names.altname(), names.wsname(), names.id());
            assert_eq!(told, (altname.to_owned(), wsname.to_owned(), id.to_owned()));
        }
    }

    #[test]
    fn times_are_written_for_people_too() {
        assert_eq!(rfc1123(1_795_292_100_000_000_000), "Sat, 21 Nov 26 20:15:00 +0000");
    }
}

//! REST: depth, exchange information, ping and time, with Binance's errors.

use super::depth::{Asked, DepthBook};
use super::exchange_info;
use super::survey::Survey;
use crate::stand_in::{HttpReply, Moment, Target};
use rustc_hash::FxHashMap;
use schemas::capture::UnixNanos;
use schemas::venue::binance::Product;

/// The depths that futures offer, and the one that they give unless asked.
const FUTURES_LIMITS: [usize; 7] = [5, 10, 20, 50, 100, 500, 1000];
const FUTURES_LIMIT_DEFAULT: usize = 500;
const SPOT_LIMIT_DEFAULT: usize = 100;
const SPOT_LIMIT_MAX: usize = 5000;

/// What requests are answered from.
pub(super) struct Known<'a> {
    pub(super) product: Product,
    pub(super) survey: &'a Survey,
    /// By symbol.
    pub(super) books: &'a FxHashMap<String, DepthBook>,
    /// Of the record played last.
    pub(super) moment: Moment,
}

/// Answers a request.
pub(super) fn answer(target: &Target, now: UnixNanos, known: &Known<'_>) -> HttpReply {
    let now_ms = now / 1_000_000;
    let prefixes: &[&str] = match known.product {
        Product::Spot => &["/api/v3/", "/api/v1/"],
        Product::UsdM => &["/fapi/v1/"],
        Product::CoinM => &["/dapi/v1/"],
    };
    let endpoint = prefixes.iter().find_map(|prefix| target.path.strip_prefix(prefix));
    let answered = match endpoint {
        Some("ping") => Ok("{}".to_owned()),
        Some("time") => Ok(format!("{{\"serverTime\":{now_ms}}}")),
        Some("depth") => depth(target, known),
        Some("exchangeInfo") => symbols(target, known)
            .map(|wanted| exchange_info::text(known.product, known.survey, wanted.as_deref(), now_ms)),
        _ => Err(not_found(known.product)),
    };
    answered.map_or_else(|refusal| refusal, HttpReply::ok)
}

/// A reply in the form of Binance's errors.
pub(super) fn error(status: u16, code: i32, message: &str) -> HttpReply {
    HttpReply { status, body: serde_json::json!({"code": code, "msg": message}).to_string() }
}

pub(super) fn not_found(product: Product) -> HttpReply {
    let (streams, rest) = match product {
        Product::Spot => ("/ws/<stream>, /stream?streams=", "/api/v3"),
        Product::UsdM => ("/public or /market with /ws/<stream> or /stream?streams=", "/fapi/v1"),
        Product::CoinM => ("/ws/<stream>, /stream?streams=", "/dapi/v1"),
    };
    let message = format!("Path not found: {streams}, {rest}/depth, exchangeInfo, ping and time are served");
    error(404, -1000, &message)
}

fn depth(target: &Target, known: &Known<'_>) -> Result<String, HttpReply> {
    let symbol = target.query("symbol").filter(|symbol| !symbol.is_empty()).ok_or_else(|| {
        error(400, -1102, "Mandatory parameter 'symbol' was not sent, was empty/null, or malformed.")
    })?;
    let limit = limit(target, known.product)?;
    let Known { product, survey, books, moment } = *known;
    let shift = survey.symbols().get(symbol).ok_or_else(invalid_symbol)?.id_shift(moment.turn).updates;
    let asked = Asked { product, symbol, limit, shift, moment };
    books.get(symbol).and_then(|book| book.reply(&asked)).ok_or_else(|| {
        let message = format!("the capture holds no depth snapshot of {symbol} that joins its stream here");
        error(503, -1000, &message)
    })
}

fn limit(target: &Target, product: Product) -> Result<usize, HttpReply> {
    let is_future = product.is_future();
    let Some(text) = target.query("limit") else {
        return Ok(if is_future { FUTURES_LIMIT_DEFAULT } else { SPOT_LIMIT_DEFAULT });
    };
    let limit: usize = text.parse().map_err(|_| {
        error(400, -1100, "Illegal characters found in parameter 'limit'; legal range is '^[0-9]{1,20}$'.")
    })?;
    match is_future {
        true if !FUTURES_LIMITS.contains(&limit) => {
            Err(error(400, -4021, &format!("{limit} is not valid depth limit.")))
        }
        true => Ok(limit),
        false => Ok(limit.clamp(1, SPOT_LIMIT_MAX)),
    }
}

/// The symbols asked for; none means all, which is what futures always give.
fn symbols(target: &Target, known: &Known<'_>) -> Result<Option<Vec<String>>, HttpReply> {
    let names = match (target.query("symbol"), target.query("symbols")) {
        _ if known.product.is_future() => return Ok(None),
        (None, None) => return Ok(None),
        (Some(_), Some(_)) => {
            return Err(error(400, -1128, "Combination of optional parameters invalid: symbol and symbols."));
        }
        (Some(symbol), None) => vec![symbol.to_owned()],
        (None, Some(list)) => serde_json::from_str(list).map_err(|_| {
            error(
                400,
                -1100,
                "Illegal characters found in parameter 'symbols'; expected a list such as [\"BTCUSDT\"].",
            )
        })?,
    };
    match names.iter().all(|name: &String| exchange_info::has(known.survey, name)) {
        true => Ok(Some(names)),
        false => Err(invalid_symbol()),
    }
}

fn invalid_symbol() -> HttpReply {
    error(400, -1121, "Invalid symbol.")
}

//! REST: depth, exchange information, ping and time, with Binance's errors.

use super::depth::DepthBook;
use super::exchange_info;
use super::survey::Survey;
use crate::stand_in::{HttpReply, Target};
use rustc_hash::FxHashMap;
use schemas::capture::UnixNanos;

const LIMIT_DEFAULT: usize = 100;
const LIMIT_MAX: usize = 5000;

/// Answers a request.
pub(super) fn answer(
    target: &Target,
    now: UnixNanos,
    survey: &Survey,
    books: &FxHashMap<String, DepthBook>,
    turn: u64,
) -> HttpReply {
    let now_ms = now / 1_000_000;
    let endpoint = target.path.strip_prefix("/api/v3/").or(target.path.strip_prefix("/api/v1/"));
    let answered = match endpoint {
        Some("ping") => Ok("{}".to_owned()),
        Some("time") => Ok(format!("{{\"serverTime\":{now_ms}}}")),
        Some("depth") => depth(target, survey, books, turn),
        Some("exchangeInfo") => {
            symbols(target, survey).map(|wanted| exchange_info::text(survey, wanted.as_deref(), now_ms))
        }
        _ => Err(not_found()),
    };
    answered.map_or_else(|refusal| refusal, HttpReply::ok)
}

/// A reply in the form of Binance's errors.
pub(super) fn error(status: u16, code: i32, message: &str) -> HttpReply {
    HttpReply { status, body: serde_json::json!({"code": code, "msg": message}).to_string() }
}

pub(super) fn not_found() -> HttpReply {
    error(
        404,
        -1000,
        "Path not found: /ws/<stream>, /stream?streams=, /api/v3/depth, exchangeInfo, ping and time are served",
    )
}

fn depth(
    target: &Target,
    survey: &Survey,
    books: &FxHashMap<String, DepthBook>,
    turn: u64,
) -> Result<String, HttpReply> {
    let symbol = target.query("symbol").filter(|symbol| !symbol.is_empty()).ok_or_else(|| {
        error(400, -1102, "Mandatory parameter 'symbol' was not sent, was empty/null, or malformed.")
    })?;
    let limit = limit(target)?;
    let known = survey.symbols().get(symbol).ok_or_else(invalid_symbol)?;
    let shift = known.id_shift(turn).updates;
    books.get(symbol).and_then(|book| book.reply(limit, shift)).ok_or_else(|| {
        let message = format!("the capture holds no depth snapshot of {symbol} that joins its stream here");
        error(503, -1000, &message)
    })
}

fn limit(target: &Target) -> Result<usize, HttpReply> {
    let Some(text) = target.query("limit") else { return Ok(LIMIT_DEFAULT) };
    let limit: usize = text.parse().map_err(|_| {
        error(400, -1100, "Illegal characters found in parameter 'limit'; legal range is '^[0-9]{1,20}$'.")
    })?;
    Ok(limit.clamp(1, LIMIT_MAX))
}

/// The symbols asked for; none means all.
fn symbols(target: &Target, survey: &Survey) -> Result<Option<Vec<String>>, HttpReply> {
    let names = match (target.query("symbol"), target.query("symbols")) {
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
    match names.iter().all(|name: &String| exchange_info::has(survey, name)) {
        true => Ok(Some(names)),
        false => Err(invalid_symbol()),
    }
}

fn invalid_symbol() -> HttpReply {
    error(400, -1121, "Invalid symbol.")
}

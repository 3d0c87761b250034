//! The exchange's information on symbols: as recorded, or made from what the capture shows.

use super::survey::{Survey, SymbolSurvey};
use crate::json::{elements, field, fields};
use crate::venue::precision::{Precision, digits_needed, step};
use schemas::venue::binance::Product;
use serde_json::{Value, json};

/// Assets in which prices are quoted, longer names before those that they end with.
const QUOTES: [&str; 24] = [
    "FDUSD", "USDT", "USDC", "TUSD", "BUSD", "USDP", "BIDR", "IDRT", "BVND", "USD", "DAI", "BTC", "ETH",
    "BNB", "EUR", "TRY", "BRL", "AUD", "GBP", "RUB", "UAH", "NGN", "JPY", "XRP",
];

/// Looks at the first levels of a depth body.
pub(super) fn see_body(precision: &mut Precision, body: &str) {
    for side in ["bids", "asks"].into_iter().filter_map(|side| field(body, side)) {
        for (_, level) in elements(side.value).take(100) {
            let mut numbers = elements(level).map(|(_, number)| digits_needed(number));
            precision.see_price(numbers.next().unwrap_or(0));
            precision.see_size(numbers.next().unwrap_or(0));
        }
    }
}

/// Looks at a trade or a book ticker.
pub(super) fn see_event(precision: &mut Precision, payload: &str) {
    let is_statistic = payload.starts_with("{\"e\":\"24hr");
    for field in fields(payload).filter(|field| !is_statistic && field.value.starts_with('"')) {
        match field.key {
            "p" | "b" | "a" => precision.see_price(digits_needed(field.value)),
            "q" | "B" | "A" => precision.see_size(digits_needed(field.value)),
            _ => {}
        }
    }
}

/// The information on the symbols that `wanted` accepts; all of it as recorded where that is everything.
pub(super) fn text(product: Product, survey: &Survey, wanted: Option<&[String]>, now_ms: u64) -> String {
    let recorded = survey.exchange_info();
    if let (Some(recorded), None) = (recorded, wanted) {
        return recorded.to_owned();
    }
    let recorded = recorded.and_then(|text| serde_json::from_str(text).ok());
    let mut info = recorded.unwrap_or_else(|| made(product, survey, now_ms));
    if let (Some(wanted), Some(Value::Array(symbols))) = (wanted, info.get_mut("symbols")) {
        symbols.retain(|symbol| wanted.iter().any(|name| symbol["symbol"] == **name));
    }
    info.to_string()
}

/// Whether the information, recorded or made, has this symbol.
pub(super) fn has(survey: &Survey, symbol: &str) -> bool {
    survey.symbols().contains_key(symbol)
        || survey.exchange_info().is_some_and(|text| text.contains(&format!("\"symbol\":\"{symbol}\"")))
}

fn made(product: Product, survey: &Survey, now_ms: u64) -> Value {
    let symbol = |(name, symbol): (&String, &SymbolSurvey)| match product {
        Product::Spot => spot_symbol(name, symbol),
        Product::UsdM | Product::CoinM => contract(product, name, symbol),
    };
    let symbols: Vec<_> = survey.symbols().iter().map(symbol).collect();
    json!({"timezone": "UTC", "serverTime": now_ms, "rateLimits": [], "exchangeFilters": [], "symbols": symbols})
}

fn spot_symbol(name: &str, symbol: &SymbolSurvey) -> Value {
    let (base, quote) = assets(name);
    json!({
        "symbol": name, "status": "TRADING",
        "baseAsset": base, "baseAssetPrecision": 8, "quoteAsset": quote, "quotePrecision": 8, "quoteAssetPrecision": 8,
        "filters": filters(symbol.precision),
    })
}

/// What stands behind the pair says which contract it is: in USD-M nothing, or the day of delivery; in COIN-M that day, or `PERP`.
fn contract(product: Product, name: &str, symbol: &SymbolSurvey) -> Value {
    let (pair, delivery) = name.split_once('_').unwrap_or((name, "PERP"));
    let (base, quote) = assets(pair);
    let kind = if delivery == "PERP" { "PERPETUAL" } else { "CURRENT_QUARTER" };
    let Precision { price, size } = symbol.precision;
    let mut contract = json!({
        "symbol": name, "pair": pair, "contractType": kind,
        "baseAsset": base, "quoteAsset": quote, "marginAsset": quote,
        "pricePrecision": price, "quantityPrecision": size, "baseAssetPrecision": 8, "quotePrecision": 8,
        "filters": filters(symbol.precision),
    });
    if product == Product::CoinM {
        // As documented: a contract is worth 100 dollars with BTC, 10 with all others.
        contract["contractSize"] = json!(if base == "BTC" { 100 } else { 10 });
        contract["marginAsset"] = json!(base);
        contract["contractStatus"] = json!("TRADING");
    } else {
        contract["status"] = json!("TRADING");
    }
    contract
}

fn filters(Precision { price, size }: Precision) -> Value {
    json!([
        {"filterType": "PRICE_FILTER", "tickSize": step(price)},
        {"filterType": "LOT_SIZE", "stepSize": step(size)},
    ])
}

/// Base and quote asset, told apart by the quote assets that Binance has.
fn assets(symbol: &str) -> (&str, &str) {
    let quote = QUOTES.into_iter().find(|quote| symbol.len() > quote.len() && symbol.ends_with(quote));
    symbol.split_at(symbol.len() - quote.map_or(0, str::len))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn symbols_are_split_where_a_quote_asset_begins() {
        let cases = [
            ("BTCUSDT", "BTC", "USDT"),
            ("RENBTCETH", "RENBTC", "ETH"),
            ("BTCAUD", "BTC", "AUD"),
            ("ODD", "ODD", ""),
        ];
        for (symbol, base, quote) in cases {
            assert_eq!(assets(symbol), (base, quote));
        }
    }

    #[test]
    fn zeros_at_the_end_do_not_count_as_precision() {
        let mut precision = Precision::default();
        see_event(&mut precision, r#"{"e":"trade","p":"61837.63000000","q":"0.02000000","t":5}"#);
        see_body(&mut precision, r#"{"bids":[["1.50","0.00100"]],"asks":[]}"#);
        assert_eq!(precision, Precision { price: 2, size: 3 });
    }
}

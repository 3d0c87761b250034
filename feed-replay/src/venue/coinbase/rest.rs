//! REST: the time, and what the capture shows of its products and their currencies.

use super::product::Product;
use crate::stand_in::{HttpReply, Target};
use crate::time::rfc3339_micros;
use crate::venue::precision::{Precision, step};
use schemas::capture::UnixNanos;
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};

/// Answers a request.
pub(super) fn answer(target: &Target, now: UnixNanos, products: &BTreeMap<String, Product>) -> HttpReply {
    let product = |(name, product): (&String, &Product)| told(name, product.precision);
    let parts: Vec<_> = target.path.trim_matches('/').split('/').collect();
    let body = match parts.as_slice() {
        ["time"] => json!({"iso": rfc3339_micros(now), "epoch": now / 1_000_000_000}),
        ["products"] => products.iter().map(product).collect(),
        ["products", name] => match products.get_key_value(*name) {
            Some(known) => product(known),
            None => return not_found(),
        },
        ["currencies"] => currencies(products),
        _ => return not_found(),
    };
    HttpReply::ok(body.to_string())
}

pub(super) fn not_found() -> HttpReply {
    HttpReply { status: 404, body: "{\"message\":\"NotFound\"}".to_owned() }
}

fn told(name: &str, Precision { price, size }: Precision) -> Value {
    let (base, quote) = name.split_once('-').unwrap_or((name, ""));
    json!({
        "id": name, "base_currency": base, "quote_currency": quote,
        "quote_increment": step(price), "base_increment": step(size),
        "display_name": name, "min_market_funds": "1", "margin_enabled": false, "post_only": false,
        "limit_only": false, "cancel_only": false, "status": "online", "status_message": "",
        "trading_disabled": false, "fx_stablecoin": false, "auction_mode": false,
    })
}

fn currencies(products: &BTreeMap<String, Product>) -> Value {
    let names: BTreeSet<_> = products.keys().flat_map(|name| name.split('-')).collect();
    let currency = |name: &str| {
        json!({
            "id": name, "name": name, "min_size": "0.00000001", "max_precision": "0.00000001",
            "status": "online", "message": "", "details": {}, "supported_networks": [],
        })
    };
    names.into_iter().map(currency).collect()
}

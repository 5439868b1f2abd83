//! Real proxies before the real program, configured word for word as the page on
//! proxies has it.

mod ledger;
mod listener;
mod place;
mod possession;
mod provider;
mod proxy;
mod reload;
mod requests;
mod server;

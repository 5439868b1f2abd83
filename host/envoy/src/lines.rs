//! What the host logs, as lines of Envoy's log.

use std::fmt::{Debug, Write as _};

use tracing::field::{Field, Visit};
use tracing::span::{Attributes, Id, Record};
use tracing::subscriber::{Interest, Subscriber, set_global_default};
use tracing::{Event, Metadata};

use crate::abi::{Level, is_logged, log};

/// Logs to Envoy from here on.
pub(crate) fn begin() {
    // It fails where that is so already.
    let _ = set_global_default(Lines);
}

struct Lines;

impl Subscriber for Lines {
    /// Envoy's level may change at any time.
    fn register_callsite(&self, metadata: &'static Metadata<'static>) -> Interest {
        if is_own(metadata) {
            Interest::sometimes()
        } else {
            Interest::never()
        }
    }

    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        is_own(metadata) && is_logged(level(metadata))
    }

    fn event(&self, event: &Event<'_>) {
        let mut line = Line("claimbound:".to_owned());
        event.record(&mut line);
        // A line stays one line, whatever a message holds.
        let line = line.0.replace(char::is_control, "\u{fffd}");
        log(level(event.metadata()), &line);
    }

    fn new_span(&self, _: &Attributes<'_>) -> Id {
        Id::from_u64(1)
    }

    fn record(&self, _: &Id, _: &Record<'_>) {}

    fn record_follows_from(&self, _: &Id, _: &Id) {}

    fn enter(&self, _: &Id) {}

    fn exit(&self, _: &Id) {}
}

/// Whether it is the host that speaks, and not a library that it uses.
fn is_own(metadata: &Metadata<'_>) -> bool {
    metadata.is_event() && metadata.target().starts_with("claimbound")
}

fn level(metadata: &Metadata<'_>) -> Level {
    match *metadata.level() {
        tracing::Level::ERROR => Level::Error,
        tracing::Level::WARN => Level::Warning,
        tracing::Level::INFO => Level::Info,
        _ => Level::Debug,
    }
}

/// A line of an event: its message, and its fields as `name=value`.
struct Line(String);

impl Visit for Line {
    fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
        // Writing to a string does not fail.
        let _ = match field.name() {
            "message" => write!(self.0, " {value:?}"),
            name => write!(self.0, " {name}={value:?}"),
        };
    }
}

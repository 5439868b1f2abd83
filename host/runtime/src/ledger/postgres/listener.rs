//! Hears of every change of the generation, over a connection of its own.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::Notify;
use tokio::time::{sleep, timeout};

use super::connection::Dial;
use super::failure::Failure;
use super::generation::Generation;
use super::tables;

/// Shortest time between two questions, however often the server calls.
const PAUSE: Duration = Duration::from_millis(10);

/// Shortest and longest time before the server is called again after it failed.
const SOONEST: Duration = Duration::from_millis(50);
const LATEST: Duration = Duration::from_secs(2);

/// What the listener needs.
#[derive(Debug)]
pub(super) struct Listener {
    pub(super) dial: Arc<Dial>,
    pub(super) generation: Arc<Generation>,
    /// How old what is known here may be.
    pub(super) bound: Duration,
    /// Longest time to make a connection.
    pub(super) connect: Duration,
}

impl Listener {
    /// Listens until it is dropped. A server that fails is called again, after
    /// ever longer pauses, and meanwhile nothing that is known counts.
    pub(super) async fn run(self) {
        let mut pause = SOONEST;
        loop {
            let news = Arc::<Notify>::default();
            let connected = timeout(self.connect, self.dial.open(Arc::clone(&news))).await;
            if let Ok(Ok(client)) = connected {
                pause = SOONEST;
                let ended = self.listen(&client, &news).await;
                match ended {
                    Ok(never) => match never {},
                    Err(_) => self.generation.lost(),
                }
            }
            sleep(pause).await;
            pause = LATEST.min(pause * 2);
        }
    }

    /// Asks at each notification, and often enough without one.
    async fn listen(
        &self,
        client: &tokio_postgres::Client,
        news: &Notify,
    ) -> Result<Infallible, Failure> {
        self.ask(client, "LISTEN claimbound").await?;
        loop {
            let asked = self.generation.ask();
            let rows = self.ask(client, tables::GENERATION).await?;
            self.generation.answer(asked, tables::generation(&rows)?);
            self.generation.found();
            sleep(PAUSE).await;
            // A notification is news as well as its absence.
            let _ = timeout(self.bound / 4, news.notified()).await;
        }
    }

    async fn ask(
        &self,
        client: &tokio_postgres::Client,
        sql: &str,
    ) -> Result<Vec<tokio_postgres::Row>, Failure> {
        match timeout(self.bound, client.query_typed(sql, &[])).await {
            Ok(answer) => Ok(answer?),
            Err(_) => Err(Failure::late(self.bound)),
        }
    }
}

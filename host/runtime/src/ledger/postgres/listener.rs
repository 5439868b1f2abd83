//! Hears of every change of the generation, over a connection of its own.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::Notify;
use tokio::time::{sleep, timeout};
use tokio_postgres::{Client, Row};

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
            if self.listen().await {
                pause = SOONEST;
            }
            sleep(pause).await;
            pause = LATEST.min(pause * 2);
        }
    }

    /// Listens until the server fails; whether it was heard before.
    async fn listen(&self) -> bool {
        let news = Arc::<Notify>::default();
        let connected = timeout(self.connect, self.dial.open(Arc::clone(&news))).await;
        let Ok(Ok(client)) = connected else {
            return false;
        };
        let mut heard = false;
        if self.ask(&client, "LISTEN claimbound").await.is_ok() {
            while self.hear(&client).await.is_ok() {
                heard = true;
                sleep(PAUSE).await;
                // A notification is news as well as its absence.
                let _ = timeout(self.bound / 4, news.notified()).await;
            }
        }
        self.generation.lost();
        heard
    }

    /// Asks for the generation.
    async fn hear(&self, client: &Client) -> Result<(), Failure> {
        let asked = self.generation.ask();
        let rows = self.ask(client, tables::GENERATION).await?;
        self.generation.answer(asked, tables::generation(&rows)?);
        self.generation.found();
        Ok(())
    }

    async fn ask(&self, client: &Client, sql: &str) -> Result<Vec<Row>, Failure> {
        let limit = self.bound.max(SOONEST);
        match timeout(limit, client.query_typed(sql, &[])).await {
            Ok(answer) => Ok(answer?),
            Err(_) => Err(Failure::late(limit)),
        }
    }
}

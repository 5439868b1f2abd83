//! What is to be taken up, and in whose place.

use std::sync::Arc;

use super::selected::Selected;

/// What is to be taken up, and in whose place.
pub(crate) struct Successor {
    pub(crate) selected: Arc<Selected>,
    /// What was in use when it was chosen: it takes the place of nothing else.
    pub(crate) over: Arc<Selected>,
}

//! What one component comes to, before anything of it is compiled.

use wasmparser::ComponentExternalKind;

use super::{ExpansionError, MOST_COPIES, MOST_PIECES};

/// A number that may depend on how large the instances are that a component is
/// given: `own`, and `times` the size of the largest of them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Size {
    pub(super) own: u64,
    pub(super) times: u64,
}

impl Size {
    /// The size of the largest instance that is passed in.
    pub(super) const PASSED: Self = Self { own: 0, times: 1 };

    pub(super) const fn plain(own: u64) -> Self {
        Self { own, times: 0 }
    }

    pub(super) const fn plus(self, other: Self) -> Self {
        Self {
            own: self.own.saturating_add(other.own),
            times: self.times.saturating_add(other.times),
        }
    }

    /// The larger of each, so that it is no smaller than either.
    pub(super) fn or(self, other: Self) -> Self {
        Self {
            own: self.own.max(other.own),
            times: self.times.max(other.times),
        }
    }

    /// What it comes to where the largest instance that is passed in is `passed`.
    pub(super) const fn given(self, passed: Self) -> Self {
        let scaled = Self {
            own: passed.own.saturating_mul(self.times),
            times: passed.times.saturating_mul(self.times),
        };
        Self::plain(self.own).plus(scaled)
    }
}

/// What a component or a module comes to, once for each of its instances.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Scope {
    /// What it unfolds to.
    pub(super) pieces: u64,
    /// How many items are copied on the way.
    pub(super) copies: Size,
    /// The largest instance in it.
    pub(super) instance: Size,
    /// What it exports: an instance of it is that large.
    pub(super) exports: Size,
    /// What it takes from the components around it.
    pub(super) taken: u64,
}

impl Scope {
    pub(super) const fn check(&self) -> Result<(), ExpansionError> {
        if self.pieces > MOST_PIECES {
            return Err(ExpansionError::Pieces);
        }
        if self.copies.own > MOST_COPIES {
            return Err(ExpansionError::Copies);
        }
        Ok(())
    }

    pub(super) fn or(self, other: Self) -> Self {
        Self {
            pieces: self.pieces.max(other.pieces),
            copies: self.copies.or(other.copies),
            instance: self.instance.or(other.instance),
            exports: self.exports.or(other.exports),
            taken: self.taken.max(other.taken),
        }
    }

    pub(super) const fn count(&mut self, pieces: u64) {
        self.pieces = self.pieces.saturating_add(pieces);
    }

    pub(super) const fn copy(&mut self, copies: Size) {
        self.copies = self.copies.plus(copies);
    }

    /// Takes something from the components around it, to which so much belongs.
    pub(super) const fn take(&mut self, taken: u64) {
        self.taken = self.taken.saturating_add(taken);
        self.copy(Size::plain(taken));
    }

    /// What naming an item comes to: an instance is copied.
    pub(super) fn named(&self, kind: ComponentExternalKind) -> Result<Size, ExpansionError> {
        let one = Size::plain(1);
        match kind {
            ComponentExternalKind::Component => Err(ExpansionError::Passed),
            ComponentExternalKind::Instance => Ok(one.plus(self.instance)),
            _ => Ok(one),
        }
    }

    pub(super) fn all_named(
        &self,
        kinds: impl Iterator<Item = ComponentExternalKind>,
    ) -> Result<Size, ExpansionError> {
        let mut all = Size::default();
        for kind in kinds {
            all = all.plus(self.named(kind)?);
        }
        Ok(all)
    }
}

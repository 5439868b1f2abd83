//! Changes of the ledger: made or tried, and shown, before and after.

use claimbound::ledger::{
    Action, Change, ChangeError, Effect, Entry, Ledger, Run, VersionRefused, Withheld,
};
use claimbound::reason::Reason;
use serde_json::{Value, json};

use crate::console::{self, Console, Status};
use crate::entry;
use crate::operator::Operator;
use crate::page::{Ink, Page};

/// What became of a change that was asked for.
struct Answer<'a> {
    action: Action,
    operator: &'a Operator,
    by: String,
    effects: Vec<Effect>,
    refused: Option<Refused>,
}

/// Why the ledger, or a token's own faults, did not let it be made.
struct Refused {
    /// The reason code, where a token is refused.
    code: Option<&'static str>,
    message: String,
    advice: Option<&'static str>,
}

/// Makes changes, all of them or none, and shows what they did.
///
/// # Errors
/// Why no answer could be given. What the ledger's rules refuse is an answer.
pub(crate) fn make(
    ledger: &Ledger,
    operator: &Operator,
    action: Action,
    changes: impl IntoIterator<Item = Change>,
    console: Console,
) -> anyhow::Result<Status> {
    let orders = changes.into_iter().map(|change| operator.order(change));
    let orders = orders.collect::<anyhow::Result<Vec<_>>>()?;
    let (effects, refused) = match ledger.apply_all(&orders, operator.run()) {
        Ok(effects) => (effects, None),
        Err(error) if is_refusal(&error) => (Vec::new(), Some(error.into())),
        Err(error) => return Err(error.into()),
    };
    show(action, operator, effects, refused, console)
}

/// Shows why a token's names are not taken: nothing was changed.
pub(crate) fn refuse(
    reason: &Reason,
    operator: &Operator,
    action: Action,
    console: Console,
) -> anyhow::Result<Status> {
    let refused = Refused {
        code: Some(reason.code.as_str()),
        message: reason.message.clone(),
        advice: None,
    };
    show(action, operator, Vec::new(), Some(refused), console)
}

fn show(
    action: Action,
    operator: &Operator,
    effects: Vec<Effect>,
    refused: Option<Refused>,
    console: Console,
) -> anyhow::Result<Status> {
    let answer = Answer {
        action,
        operator,
        by: operator.name()?,
        effects,
        refused,
    };
    console.answer(|| answer.page(), || answer.json())?;
    Ok(match answer.refused {
        None => Status::Yes,
        Some(_) => Status::No,
    })
}

/// Says what is worth knowing beside a change that was made, or tried.
pub(crate) fn tell(status: Status, note: Option<String>) {
    if let (Status::Yes, Some(note)) = (status, note) {
        console::note(&note);
    }
}

/// What was done, as it is said afterwards.
const fn done(action: Action) -> &'static str {
    match action {
        Action::Enrol => "enrolled",
        Action::Approve | Action::ApproveMajor => "approved",
        Action::Replace => "replaced",
        Action::Suspend => "suspended",
        Action::Resume => "resumed",
        Action::Retire => "retired",
        Action::Migrate => "migrated",
        Action::Forget => "forgotten",
        Action::Revoke => "revoked",
        Action::Lift => "lifted",
        Action::Import => "imported",
        Action::Serve => "taken up",
        Action::RollBack => "rolled back",
        Action::Reject => "rejected",
        Action::Promote => "promoted",
    }
}

/// What was asked for, as the commands are called.
const fn asked(action: Action) -> &'static str {
    match action {
        Action::RollBack => "rollback",
        Action::ApproveMajor => "approve",
        Action::Enrol
        | Action::Approve
        | Action::Replace
        | Action::Suspend
        | Action::Resume
        | Action::Retire
        | Action::Migrate
        | Action::Forget
        | Action::Revoke
        | Action::Lift
        | Action::Import
        | Action::Serve
        | Action::Reject
        | Action::Promote => action.as_str(),
    }
}

/// Whether it is the ledger's answer, and no fault of the question.
fn is_refusal(error: &ChangeError) -> bool {
    match error {
        ChangeError::Unknown { .. }
        | ChangeError::Held { .. }
        | ChangeError::NotHeld { .. }
        | ChangeError::Renamed { .. }
        | ChangeError::State { .. }
        | ChangeError::Several { .. }
        | ChangeError::Enrolled { .. }
        | ChangeError::NotRevoked { .. }
        | ChangeError::NotServed { .. }
        | ChangeError::NeverServed { .. }
        | ChangeError::Unseen { .. }
        | ChangeError::Version(_) => true,
        ChangeError::Identity(_)
        | ChangeError::Word(_)
        | ChangeError::NotTwo { .. }
        | ChangeError::Ended { .. }
        | ChangeError::Store(_) => false,
    }
}

impl From<ChangeError> for Refused {
    fn from(error: ChangeError) -> Self {
        Self {
            code: None,
            message: error.to_string(),
            advice: advice(&error),
        }
    }
}

/// What an operator can do about it.
const fn advice(error: &ChangeError) -> Option<&'static str> {
    match error {
        ChangeError::Held { .. } => Some(
            "Look at `claimbound subject show`; only if you know who holds it now, hand it over by \
             `claimbound subject approve KIND NAME --replacing ID`, with the id that held it. It does \
             not go with `--token`.",
        ),
        ChangeError::NotHeld { .. } => Some("`claimbound subject show` says what it is bound to."),
        ChangeError::Renamed { .. } => {
            Some("If the rename is genuine: `claimbound subject migrate OLD NEW`.")
        }
        ChangeError::Several { .. } => Some("Add `--id ID`."),
        ChangeError::Enrolled { .. } => Some("See `claimbound subject forget`."),
        ChangeError::NotRevoked { .. } => Some("`claimbound revoke list` shows what is."),
        ChangeError::NotServed { .. } => {
            Some("`claimbound modules served` shows what each route serves.")
        }
        ChangeError::Unseen { .. } => Some(
            "`claimbound modules status` shows what hosts have looked at. If it is meant all the \
             same: `--unseen`.",
        ),
        ChangeError::NeverServed { .. } => {
            Some("`claimbound subject history` shows which versions were served, and where.")
        }
        ChangeError::Version(VersionRefused::Withheld(Withheld::Major { .. })) => Some(
            "Approve the major version first: `claimbound modules approve NAME --route ROUTE \
             --major NUMBER`.",
        ),
        ChangeError::Unknown { .. }
        | ChangeError::State { .. }
        | ChangeError::Version(
            VersionRefused::NotLower { .. }
            | VersionRefused::NotHigher { .. }
            | VersionRefused::Unapproved { .. }
            | VersionRefused::Served { .. }
            | VersionRefused::Withheld(
                Withheld::Lower { .. }
                | Withheld::RolledBack { .. }
                | Withheld::Rejected { .. }
                | Withheld::Digest { .. },
            ),
        )
        | ChangeError::Identity(_)
        | ChangeError::Word(_)
        | ChangeError::NotTwo { .. }
        | ChangeError::Ended { .. }
        | ChangeError::Store(_) => None,
    }
}

impl Answer<'_> {
    fn page(&self) -> Page {
        let mut page = Page::default();
        if let Some(refused) = &self.refused {
            page.put(Ink::Bad, format!("✗ {}", asked(self.action)))
                .text(" refused");
            if let Some(code) = refused.code {
                page.text("  ").put(Ink::Strong, code);
            }
            page.end().text("  ").text(&refused.message).end();
            if let Some(advice) = refused.advice {
                page.put(Ink::Faint, "  what to do  ").text(advice).end();
            }
            return page;
        }
        match self.operator.run() {
            Run::Real => page.put(Ink::Good, format!("✓ {}", done(self.action))),
            Run::Dry => page.put(Ink::Warn, format!("would {}", asked(self.action))),
        };
        page.put(Ink::Faint, format!("  by {}", self.by)).end();
        page.put(Ink::Faint, format!("  reason: {}", self.operator.reason))
            .end();
        for effect in &self.effects {
            show_effect(&mut page, effect);
        }
        if self.effects.is_empty() {
            page.text("  the ledger says so already").end();
        }
        if self.operator.dry_run {
            page.put(Ink::Faint, "  a dry run: nothing was written")
                .end();
        }
        page
    }

    fn json(&self) -> Value {
        let effects: Vec<_> = self.effects.iter().map(effect_json).collect();
        let refused = self.refused.as_ref();
        json!({
            "action": self.action.as_str(),
            "dry_run": self.operator.dry_run,
            "by": self.by,
            "reason": self.operator.reason,
            "effects": effects,
            "refused": refused.map(|refused| json!({
                "code": refused.code,
                "message": refused.message,
            })),
        })
    }
}

fn effect_json(effect: &Effect) -> Value {
    match effect {
        Effect::Entry { before, after } => {
            json!({ "type": "name", "before": before, "after": after })
        }
        Effect::Revocation { before, after } => {
            json!({ "type": "revocation", "before": before, "after": after })
        }
        Effect::Served { before, after } => {
            json!({ "type": "module", "before": before, "after": after })
        }
    }
}

fn show_effect(page: &mut Page, effect: &Effect) {
    let (what, before, after) = match effect {
        Effect::Entry { before, after } => (
            before.as_ref().or(after.as_ref()).map(|one| called(one)),
            before.as_ref().map(|one| entry::described(one)),
            after.as_ref().map(|one| entry::described(one)),
        ),
        Effect::Revocation { before, after } => (
            before
                .as_ref()
                .or(after.as_ref())
                .map(|one| entry::target(one)),
            before.as_ref().map(|one| entry::described_revocation(one)),
            after.as_ref().map(|one| entry::described_revocation(one)),
        ),
        Effect::Served { before, after } => (
            Some(format!("module {} on route {}", before.name, before.route)),
            Some(entry::described_module(before)),
            Some(entry::described_module(after)),
        ),
    };
    let mark = match (&before, &after) {
        (None, _) => Ink::Good,
        (Some(_), Some(_)) => Ink::Warn,
        (Some(_), None) => Ink::Bad,
    };
    let sign = match mark {
        Ink::Good => "+ ",
        Ink::Bad => "- ",
        Ink::Warn | Ink::Plain | Ink::Strong | Ink::Faint => "~ ",
    };
    page.text("  ").put(mark, sign);
    page.put(Ink::Strong, what.unwrap_or_default()).end();
    for (label, side) in [("before", before), ("after", after)] {
        page.put(Ink::Faint, format!("      {label:<8}"))
            .text(side.as_deref().unwrap_or("nothing"))
            .end();
    }
}

fn called(entry: &Entry) -> String {
    format!("{} {}", entry.name.kind, entry.spelling)
}

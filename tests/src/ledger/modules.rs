//! Which version of a module a route serves, with hosts and operators on one
//! ledger: nothing below what was served comes back by itself.

use std::collections::BTreeSet;
use std::io::Cursor;
use std::sync::Barrier;
use std::thread;

use claimbound::ledger::{
    Action, Change, ChangeError, Effect, ImportError, ImportOrder, Ledger, Order, Run, ServeError,
    Served, StaleIndex, Taken, Taking, VersionRefused, Withheld,
};
use claimbound::modules::{Digest, ModuleId, ModuleName, Version};

use super::process::{Process, say, task, wait};
use super::world::{World, on_each_store, open};
use crate::forge::NOW;

const ROUTE: &str = "deploy";
const STORE: &str = "releases";

pub(super) fn name() -> ModuleName {
    "acme-deploy".parse().unwrap()
}

fn version(text: &str) -> Version {
    text.parse().unwrap()
}

pub(super) fn id(version: &str) -> ModuleId {
    format!("acme-deploy@{version}").parse().unwrap()
}

/// Takes a version up, by an index of this serial.
pub(super) fn serve_by(
    ledger: &Ledger,
    route: &str,
    version: &str,
    serial: u64,
) -> Result<Taken, ServeError> {
    ledger.serve(&Taking {
        route,
        store: STORE,
        module: &id(version),
        digest: Digest::of(version.as_bytes()),
        index_serial: Some(serial),
        after: None,
        at: NOW,
        by: "host one",
    })
}

pub(super) fn serve(ledger: &Ledger, version: &str) -> Result<Taken, ServeError> {
    serve_by(ledger, ROUTE, version, 1)
}

fn withheld(result: Result<Taken, ServeError>) -> Withheld {
    match result.unwrap_err() {
        ServeError::Withheld(withheld) => withheld,
        other @ (ServeError::Stale(_)
        | ServeError::Moved { .. }
        | ServeError::Module(_)
        | ServeError::Word(_)
        | ServeError::Store(_)) => panic!("{other:?}"),
    }
}

fn served(ledger: &Ledger) -> Served {
    ledger.served(ROUTE, &name()).unwrap().unwrap()
}

fn export(ledger: &Ledger) -> String {
    let mut out = Vec::new();
    ledger.export(&mut out).unwrap();
    String::from_utf8(out).unwrap()
}

pub(super) fn roll_back(to: &str) -> Change {
    Change::RollBack {
        route: ROUTE.to_owned(),
        to: id(to),
    }
}

fn approve(major: u64) -> Change {
    Change::ApproveMajor {
        route: ROUTE.to_owned(),
        name: name(),
        major,
    }
}

pub(super) fn reject(version: &str) -> Change {
    Change::Reject {
        route: ROUTE.to_owned(),
        module: id(version),
        unseen: true,
    }
}

fn promote(version: &str) -> Change {
    Change::Promote {
        route: ROUTE.to_owned(),
        module: id(version),
        unseen: true,
    }
}

/// What was done, in order.
fn history_of_changes(ledger: &Ledger) -> Vec<Action> {
    let mut done = Vec::new();
    ledger
        .history(None, |event| done.push(event.action))
        .unwrap();
    done
}

/// What was done to modules, in order, and which version that left.
fn history(ledger: &Ledger) -> Vec<(Action, String)> {
    let mut events = Vec::new();
    ledger
        .history(None, |event| {
            let after: serde_json::Value = serde_json::from_str(&event.after.unwrap()).unwrap();
            events.push((event.action, after["version"].as_str().unwrap().to_owned()));
        })
        .unwrap();
    events
}

on_each_store! {
fn what_is_taken_up_is_served_and_taking_it_up_again_writes_nothing(world: &World) {
    assert_eq!(world.ledger.served(ROUTE, &name()).unwrap(), None);
    let Taken::Up(up) = serve(&world.ledger, "1.3.0").unwrap() else {
        panic!("it is the first");
    };
    assert_eq!((&up.version, up.approved, up.since), (&version("1.3.0"), 1, NOW));
    let before = export(&world.ledger);
    assert_eq!(serve(&world.ledger, "1.3.0"), Ok(Taken::Already(up.clone())));
    assert_eq!(export(&world.ledger), before);
    serve(&world.ledger, "1.4.0").unwrap();
    let all = world.again().all_served().unwrap();
    assert_eq!(all, [served(&world.ledger)]);
    let expected = [(Action::Serve, "1.3.0".to_owned()), (Action::Serve, "1.4.0".to_owned())];
    assert_eq!(history(&world.ledger), expected);
}

fn no_host_goes_below_what_another_served(world: &World) {
    serve(&world.ledger, "1.4.0").unwrap();
    let other = world.again();
    let may = other.may_serve(ROUTE, &id("1.3.0"), Digest::of(b"1.3.0")).unwrap_err();
    let lower = Withheld::Lower {
        module: Box::new(id("1.3.0")),
        served: version("1.4.0"),
    };
    assert_eq!(may, ServeError::Withheld(lower.clone()));
    assert_eq!(withheld(serve(&other, "1.3.0")), lower);
    serve_by(&other, "staging", "1.3.0", 1).unwrap();
    assert_eq!(served(&other).version, version("1.4.0"), "another route is another row");
}

fn one_version_has_one_digest_on_every_route(world: &World) {
    serve(&world.ledger, "1.4.0").unwrap();
    let other = Taking {
        route: "staging",
        store: "elsewhere",
        module: &id("1.4.0"),
        digest: Digest::of(b"another component"),
        index_serial: Some(1),
        after: None,
        at: NOW,
        by: "host two",
    };
    let expected = Withheld::Digest {
        module: Box::new(id("1.4.0")),
        known: Digest::of(b"1.4.0"),
        found: Digest::of(b"another component"),
    };
    assert_eq!(withheld(world.ledger.serve(&other)), expected);
    let may = world.ledger.may_serve("staging", other.module, other.digest).unwrap_err();
    assert_eq!(may, ServeError::Withheld(expected));
    assert_eq!(world.ledger.served("staging", &name()).unwrap(), None);
}

fn an_index_older_than_one_that_was_seen_is_refused(world: &World) {
    let see = |serial| world.ledger.see_index(STORE, &name(), serial);
    see(7).unwrap();
    see(7).unwrap();
    let stale = StaleIndex {
        store: STORE.to_owned(),
        name: name(),
        serial: 6,
        seen: 7,
    };
    assert_eq!(world.again().see_index(STORE, &name(), 6), Err(stale.clone().into()));
    assert_eq!(serve_by(&world.ledger, ROUTE, "1.4.0", 6), Err(stale.into()));
    world.ledger.see_index("elsewhere", &name(), 1).unwrap();
    serve_by(&world.ledger, ROUTE, "1.4.0", 9).unwrap();
    assert!(see(8).is_err(), "what is taken up was seen");
    see(10).unwrap();
    assert!(see(u64::MAX).is_err());
    see(10).unwrap();
}

fn a_rollback_is_seen_by_all_and_lasts_until_a_higher_version(world: &World) {
    let host = world.asking();
    serve(&host, "1.3.0").unwrap();
    serve(&host, "1.4.0").unwrap();
    let before = export(&host);
    let order = Order {
        change: roll_back("1.3.0"),
        by: "alice".to_owned(),
        at: NOW + 1,
        reason: "it denies forks".to_owned(),
    };
    world.ledger.apply(&order, Run::Dry).unwrap();
    assert_eq!(export(&host), before, "a dry run writes nothing");
    let effects = world.ledger.apply(&order, Run::Real).unwrap();
    let [Effect::Served { before: was, after }] = effects.as_slice() else {
        panic!("{effects:?}");
    };
    assert_eq!((&was.version, &after.version), (&version("1.4.0"), &version("1.3.0")));
    assert_eq!(served(&host), **after);
    assert_eq!(after.digest, Digest::of(b"1.3.0"));
    let expected = Withheld::RolledBack {
        module: Box::new(id("1.4.0")),
        from: version("1.4.0"),
        reason: "it denies forks".to_owned(),
        by: "alice".to_owned(),
    };
    assert_eq!(withheld(serve(&host, "1.4.0")), expected);
    assert!(matches!(serve(&host, "1.3.0"), Ok(Taken::Already(_))));
    serve(&host, "1.4.1").unwrap();
    let told: Vec<_> = history(&host).into_iter().map(|(action, _)| action).collect();
    let expected = [Action::Serve, Action::Serve, Action::RollBack, Action::Serve];
    assert_eq!(told, expected);
}

fn a_rollback_goes_to_what_was_served_somewhere(world: &World) {
    let error = world.order(roll_back("1.3.0")).unwrap_err();
    assert!(matches!(error, ChangeError::NotServed { .. }), "{error:?}");
    serve(&world.ledger, "1.4.0").unwrap();
    let error = world.order(roll_back("1.3.0")).unwrap_err();
    assert!(matches!(error, ChangeError::NeverServed { .. }), "{error:?}");
    let error = world.order(roll_back("1.5.0")).unwrap_err();
    let ChangeError::Version(VersionRefused::NotLower { .. }) = error else {
        panic!("{error:?}");
    };
    serve_by(&world.ledger, "staging", "1.3.0", 1).unwrap();
    world.order(roll_back("1.3.0")).unwrap();
    let staging = world.ledger.served("staging", &name()).unwrap().unwrap();
    assert_eq!((staging.bar, staging.rollbacks), (None, 0), "other routes stay");
}

fn a_rollback_goes_to_no_candidate(world: &World) {
    serve(&world.ledger, "1.3.0").unwrap();
    serve(&world.ledger, "1.5.0").unwrap();
    let candidate = id("1.4.0");
    world.ledger.know(&candidate, Digest::of(b"1.4.0"), NOW, "host one").unwrap();
    let before = export(&world.ledger);
    let error = world.order(roll_back("1.4.0")).unwrap_err();
    assert!(matches!(error, ChangeError::NeverServed { .. }), "{error:?}");
    assert_eq!(export(&world.ledger), before);
    world.order(roll_back("1.3.0")).unwrap();
    serve(&world.ledger, "1.6.0").unwrap();
    world.order(roll_back("1.5.0")).unwrap();
}

fn what_is_served_is_taken_up_whichever_edition_lists_it(world: &World) {
    let host = world.asking();
    serve(&host, "1.3.0").unwrap();
    serve(&host, "1.4.0").unwrap();
    // Another host has seen more.
    world.ledger.see_index(STORE, &name(), 5).unwrap();
    world.order(roll_back("1.3.0")).unwrap();
    assert!(matches!(serve(&host, "1.3.0"), Ok(Taken::Already(_))));
    let error = serve(&host, "1.5.0").unwrap_err();
    assert!(matches!(error, ServeError::Stale(_)), "{error:?}");
}

fn what_no_host_has_looked_at_is_promoted_and_rejected_on_purpose_alone(world: &World) {
    serve(&world.ledger, "1.4.0").unwrap();
    let before = export(&world.ledger);
    let seen = |version: &str| {
        let (route, module) = (ROUTE.to_owned(), id(version));
        let (other, same) = (route.clone(), module.clone());
        [
            Change::Promote { route, module, unseen: false },
            Change::Reject { route: other, module: same, unseen: false },
        ]
    };
    for change in seen("1.50.0") {
        let error = world.order(change).unwrap_err();
        let module = Box::new(id("1.50.0"));
        assert_eq!(error, ChangeError::Unseen { module });
    }
    assert_eq!(export(&world.ledger), before);
    let candidate = id("1.5.0");
    world.ledger.know(&candidate, Digest::of(b"1.5.0"), NOW, "host one").unwrap();
    for change in seen("1.5.0") {
        world.order(change).unwrap();
    }
    world.order(reject("1.6.0")).unwrap();
}

fn where_nobody_signs_no_version_is_known_and_each_may_be_meant(world: &World) {
    let unsigned = Taking {
        route: ROUTE,
        store: STORE,
        module: &id("1.4.0"),
        digest: Digest::of(b"1.4.0"),
        index_serial: None,
        after: None,
        at: NOW,
        by: "host one",
    };
    world.ledger.serve(&unsigned).unwrap();
    let (route, module) = (ROUTE.to_owned(), id("1.5.0"));
    world.order(Change::Reject { route, module, unseen: false }).unwrap();
}

fn a_major_version_is_taken_up_once_an_operator_approves_it(world: &World) {
    serve(&world.ledger, "1.4.0").unwrap();
    let refused = withheld(serve(&world.ledger, "2.0.0"));
    assert!(matches!(refused, Withheld::Major { approved: 1, .. }), "{refused:?}");
    world.order(approve(2)).unwrap();
    assert_eq!(world.order(approve(2)), Ok(Vec::new()), "it says so already");
    serve(&world.ledger, "2.0.0").unwrap();
    world.order(approve(u64::MAX)).unwrap();
    let most = format!("{}.0.0", u64::MAX);
    serve(&world.ledger, &most).unwrap();
    assert_eq!(served(&world.again()).version, version(&most));
}

fn a_promotion_is_told_and_ends_with_a_rollback(world: &World) {
    serve(&world.ledger, "1.3.0").unwrap();
    serve(&world.ledger, "1.4.0").unwrap();
    world.order(promote("1.5.0")).unwrap();
    assert!(served(&world.again()).promotes(&version("1.5.0")));
    for withheld in ["1.3.0", "2.0.0"] {
        let error = world.order(promote(withheld)).unwrap_err();
        assert!(matches!(error, ChangeError::Version(_)), "{error:?}");
    }
    serve(&world.ledger, "1.5.0").unwrap();
    world.order(roll_back("1.4.0")).unwrap();
    assert_eq!(served(&world.ledger).promoted, None);
    world.order(promote("1.5.0")).unwrap_err();
}

fn what_is_rejected_is_taken_up_by_no_host_and_what_is_served_stays(world: &World) {
    let error = world.order(reject("1.5.0")).unwrap_err();
    assert!(matches!(error, ChangeError::NotServed { .. }), "{error:?}");
    let host = world.asking();
    serve(&host, "1.4.0").unwrap();
    world.order(promote("1.5.0")).unwrap();
    let before = served(&host);
    let effects = world.order(reject("1.5.0")).unwrap();
    let [Effect::Served { before: was, after }] = effects.as_slice() else {
        panic!("{effects:?}");
    };
    assert_eq!(**was, before);
    assert_eq!((&after.version, &after.promoted), (&version("1.4.0"), &None));
    assert_eq!(served(&host), **after);
    for barred in ["1.4.1", "1.5.0"] {
        let refused = withheld(serve(&host, barred));
        assert!(matches!(refused, Withheld::Rejected { .. }), "{refused:?}");
        let may = host.may_serve(ROUTE, &id(barred), Digest::of(barred.as_bytes()));
        assert_eq!(may, Err(ServeError::Withheld(refused)));
    }
    assert_eq!(world.order(reject("1.5.0")), Ok(Vec::new()), "it says so already");
    world.order(promote("1.5.0")).unwrap_err();
    assert!(matches!(serve(&host, "1.4.0"), Ok(Taken::Already(_))));
    serve_by(&host, "staging", "1.5.0", 1).unwrap();
    serve(&host, "1.5.1").unwrap();
    for not_higher in ["1.5.1", "1.5.0"] {
        let error = world.order(reject(not_higher)).unwrap_err();
        let ChangeError::Version(VersionRefused::NotHigher { .. }) = error else {
            panic!("{error:?}");
        };
    }
    let told: Vec<_> = history(&host).into_iter().map(|(action, _)| action).collect();
    let expected = [
        Action::Serve, Action::Promote, Action::Reject, Action::Serve, Action::Serve,
    ];
    assert_eq!(told, expected);
}

fn what_is_kept_of_modules_travels(world: &World) {
    serve_by(&world.ledger, ROUTE, "1.3.0", 3).unwrap();
    serve(&world.ledger, "1.4.0").unwrap_err();
    serve_by(&world.ledger, ROUTE, "1.4.0", 4).unwrap();
    world.order(approve(2)).unwrap();
    world.order(roll_back("1.3.0")).unwrap();
    world.order(promote("1.5.0")).unwrap();
    let text = export(&world.ledger);
    let copy = world.another();
    let import = |text: &str| {
        let order = ImportOrder { by: "alice", at: NOW, reason: "a copy" };
        copy.ledger.import(&mut Cursor::new(text), &order, Run::Real)
    };
    let imported = import(&text).unwrap();
    let counted = (imported.modules, imported.module_digests, imported.index_serials);
    assert_eq!(counted, (1, 2, 1));
    assert_eq!(served(&copy.ledger), served(&world.ledger));
    assert!(serve_by(&copy.ledger, ROUTE, "1.4.0", 4).is_err(), "it stays rolled back");
    assert!(serve_by(&copy.ledger, ROUTE, "1.6.0", 3).is_err(), "its index stays seen");
    let again = import(&text).unwrap();
    assert_eq!(again.modules + again.module_digests + again.index_serials, 0);
    let rejection = Order {
        change: reject("1.6.0"),
        by: "bob".to_owned(),
        at: NOW,
        reason: "it lets forks in".to_owned(),
    };
    copy.ledger.apply(&rejection, Run::Real).unwrap();
    let other = world.another();
    let order = ImportOrder { by: "alice", at: NOW, reason: "a copy" };
    other.ledger.import(&mut Cursor::new(export(&copy.ledger)), &order, Run::Real).unwrap();
    let refused = withheld(serve_by(&other.ledger, ROUTE, "1.6.0", 4));
    assert!(matches!(refused, Withheld::Rejected { .. }), "{refused:?}");
    assert!(history_of_changes(&other.ledger).contains(&Action::Reject));
    let (known, other) = (Digest::of(b"1.4.0").to_string(), Digest::of(b"other").to_string());
    for contradicting in [text.replace(&known, &other), text.replace("\"rollbacks\":1", "\"rollbacks\":2")] {
        assert_ne!(contradicting, text);
        let refused = import(&contradicting).unwrap_err();
        assert!(matches!(refused, ImportError::Line { .. }), "{refused:?}");
    }
}

/// Whatever the order in which they come, versions only go up.
fn of_hosts_that_take_up_different_versions_at_once_none_goes_back(world: &World) {
    let hosts: Vec<_> = (0..4).map(|_| world.again()).collect();
    let versions: Vec<_> = (0..12).map(|number| format!("1.{}.0", (number * 7) % 12)).collect();
    let start = Barrier::new(versions.len());
    let taken: BTreeSet<String> = thread::scope(|scope| {
        let spawn = |(number, version): (usize, &String)| {
            let (host, start, version) = (&hosts[number % hosts.len()], &start, version.clone());
            scope.spawn(move || {
                start.wait();
                match serve(host, &version) {
                    Ok(Taken::Up(_)) => Some(version),
                    Ok(Taken::Already(_)) => panic!("nobody else has {version}"),
                    Err(ServeError::Withheld(Withheld::Lower { .. })) => None,
                    Err(error) => panic!("{error:?}"),
                }
            })
        };
        let threads: Vec<_> = versions.iter().enumerate().map(spawn).collect();
        threads.into_iter().filter_map(|thread| thread.join().unwrap()).collect()
    });
    assert_eq!(served(&world.ledger).version, version("1.11.0"));
    let told: Vec<_> = history(&world.ledger).into_iter().map(|(_, version)| version).collect();
    assert!(told.is_sorted_by(|one, next| version(one) < version(next)), "{told:?}");
    assert_eq!(told.into_iter().collect::<BTreeSet<_>>(), taken, "whoever was told so, did");
}

fn a_host_that_is_killed_leaves_what_it_answered_for_and_nothing_half(world: &World) {
    let mut first = 0;
    for _ in 0..3 {
        let mut process = Process::start(
            "modules::a_host_that_is_killed",
            &[&world.address(), &first.to_string()],
        );
        let mut answered = first;
        for _ in 0..20 {
            answered = process.hear().parse().unwrap();
        }
        // Killed: nothing is put in order first.
        drop(process);
        let ledger = world.again();
        let now = served(&ledger);
        assert!(now.version >= Version::new(1, answered, 0), "{now:?} after {answered}");
        assert_eq!(now.digest, Digest::of(now.version.to_string().as_bytes()));
        let told = history(&ledger);
        assert_eq!(told.last().unwrap().1, now.version.to_string());
        let digests = export(&ledger);
        let digests = digests.lines().filter(|line| line.contains("\"type\":\"module-digest\""));
        assert_eq!(digests.count(), told.len(), "each version with its digest and its line");
        first = now.version.minor + 1;
    }
}
}

/// What the test above starts: takes up version after version, and says so.
#[test]
fn a_host_that_is_killed() {
    let Some(task) = task() else { return };
    let ledger = open(&task[0]);
    for minor in task[1].parse::<u64>().unwrap().. {
        serve(&ledger, &format!("1.{minor}.0")).unwrap();
        say(&minor.to_string());
    }
    wait();
}

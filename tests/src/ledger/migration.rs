//! Renames and transfers that an operator has confirmed.

use claimbound::ledger::{Change, ChangeError, Parent};

use super::world::{
    ISSUER, NAMES_ALONE, World, approve, approve_acme, decide, job_of, name, on_each_store, owner,
    refusal, repository,
};
use crate::forge::job;
use crate::gate::{answer, policy};
use crate::standard::standard;

const ASKS: &str = "identity = { first_use = \"refuse\" }";
const GITHUB: (&str, &str) = (ISSUER, "github-actions");

fn migrate(kind: &str, from: &str, to: &str) -> Change {
    Change::Migrate {
        from: name(kind, from),
        to: name(kind, to),
        id: None,
        parent: None,
        children: kind == "owner",
    }
}

on_each_store! {
fn a_rename_is_refused_until_an_operator_follows_it(world: &World) {
    approve_acme(world);
    let gate = world.gate_at("deploy", GITHUB, ASKS);
    let renamed = job_of("acme/tools", "123456", "456789");
    let (code, message) = refusal(&gate, &renamed);
    assert_eq!(code, "identity.renamed");
    assert_eq!(
        message,
        "the repository with id `456789` is known as `acme/infra` since 2026-11-23T10:00:00Z (by \
         alice), and this token calls it `acme/tools`; if the rename is genuine, `subject migrate` \
         moves it and bars others from the old name"
    );
    world.order(migrate("repository", "acme/infra", "acme/tools")).unwrap();
    assert_eq!(answer(&decide(&gate, &renamed)), "allow");
    let late = decide(&gate, &job());
    assert_eq!(answer(&late), "allow", "a token from before the rename");
}

fn what_belongs_to_an_owner_follows_it(world: &World) {
    approve_acme(world);
    let gate = world.gate_at("deploy", GITHUB, ASKS);
    let moved = job_of("globex/infra", "123456", "456789");
    assert_eq!(refusal(&gate, &moved).0, "identity.renamed");
    world.order(migrate("owner", "acme", "globex")).unwrap();
    assert_eq!(answer(&decide(&gate, &moved)), "allow");
    for stranger in [job_of("acme/infra", "9", "456789"), job_of("acme/infra", "123456", "9")] {
        assert_eq!(refusal(&gate, &stranger).0, "identity.reassigned");
    }
}

fn what_belonged_to_somebody_else_of_that_name_stays(world: &World) {
    let lax = world.gate("lax", &NAMES_ALONE);
    let stranger = job_of("acme/infra", "999999", "888888");
    assert!(decide(&lax, &stranger).is_allow());
    world.order(approve(owner("acme", "123456"))).unwrap();
    world.order(migrate("owner", "acme", "globex")).unwrap();
    let left = world.ledger.find(&name("repository", "acme/infra")).unwrap();
    assert_eq!(left.len(), 1, "{left:?}");
    assert_eq!(left[0].id.as_deref(), Some("888888"));
    assert!(world.ledger.find(&name("repository", "globex/infra")).unwrap().is_empty());
}

fn a_transfer_names_the_new_owner(world: &World) {
    approve_acme(world);
    world.order(approve(owner("globex", "777"))).unwrap();
    let gate = world.gate_at("deploy", GITHUB, ASKS);
    let transferred = job_of("globex/infra", "777", "456789");
    world.order(migrate("repository", "acme/infra", "globex/infra")).unwrap();
    let (code, message) = refusal(&gate, &transferred);
    assert_eq!(code, "identity.reassigned");
    assert!(message.contains("belonged to owner `123456`"), "{message}");
    assert!(message.contains("`subject approve --replacing`"), "{message}");
    world.order(migrate("repository", "globex/infra", "acme/infra")).unwrap();
    world.order(Change::Migrate {
        from: name("repository", "acme/infra"),
        to: name("repository", "globex/infra"),
        id: Some("456789".to_owned()),
        parent: Some(Parent {
            kind: "owner".to_owned(),
            name: "globex".to_owned(),
            id: Some("777".to_owned()),
        }),
        children: false,
    }).unwrap();
    assert_eq!(answer(&decide(&gate, &transferred)), "allow");
    let before = refusal(&gate, &job());
    assert_eq!(before.0, "identity.reassigned", "its former owner's");
}

fn a_name_that_was_left_can_be_gone_back_to(world: &World) {
    approve_acme(world);
    let gate = world.gate_at("deploy", GITHUB, ASKS);
    world.order(migrate("repository", "acme/infra", "acme/tools")).unwrap();
    world.order(migrate("repository", "acme/tools", "acme/infra")).unwrap();
    assert_eq!(answer(&decide(&gate, &job())), "allow");
    let interim = job_of("acme/tools", "123456", "5");
    assert_eq!(refusal(&gate, &interim).0, "identity.reassigned");
}

fn two_names_are_swapped_by_handing_over_what_was_left(world: &World) {
    approve_acme(world);
    let web = |name| repository(name, "5", ("acme", "123456"));
    let infra = |name| repository(name, "456789", ("acme", "123456"));
    world.order(approve(web("acme/web"))).unwrap();
    let gate = world.gate_at("deploy", GITHUB, ASKS);
    world
        .order(migrate("repository", "acme/infra", "acme/interim"))
        .unwrap();
    let taken = world.order(migrate("repository", "acme/web", "acme/infra"));
    assert!(matches!(taken, Err(ChangeError::Held { .. })), "{taken:?}");
    let replace = |identity, replacing: &str| {
        world.order(Change::Approve { identity, replacing: Some(replacing.to_owned()) })
    };
    replace(web("acme/infra"), "456789").unwrap();
    replace(infra("acme/web"), "5").unwrap();
    for (path, id) in [("acme/infra", "5"), ("acme/web", "456789")] {
        let swapped = job_of(path, "123456", id);
        assert_eq!(answer(&decide(&gate, &swapped)), "allow", "{path}");
        let stranger = job_of(path, "123456", "9");
        assert_eq!(refusal(&gate, &stranger).0, "identity.reassigned");
    }
    let former = job_of("acme/infra", "123456", "456789");
    assert_eq!(refusal(&gate, &former).0, "identity.reassigned");
    let interim = job_of("acme/interim", "123456", "9");
    assert_eq!(refusal(&gate, &interim).0, "identity.reassigned");
}

fn a_first_use_enrols_no_name_that_was_left(world: &World) {
    let lax = world.gate("lax", &NAMES_ALONE);
    assert!(decide(&lax, &job()).is_allow());
    world.order(migrate("repository", "acme/infra", "acme/tools")).unwrap();
    let other = world.gate("other", &NAMES_ALONE);
    let (code, message) = refusal(&other, &job());
    assert_eq!(code, "identity.renamed");
    let moved = "left the name `acme/infra` for `acme/tools` on 2026-11-23T10:00:00Z (by alice), \
                 and neither an operator nor this statement has taken it as `acme/tools` yet";
    assert!(message.contains(moved), "{message}");
    assert!(decide(&lax, &job()).is_allow(), "who knows it takes late tokens");
    let document = include_str!("names-alone.toml").replace("acme/infra", "acme/tools");
    let any = policy(&standard(), &document);
    let gate = world.gate("other", &any);
    let renamed = job_of("acme/tools", "123456", "456789");
    assert_eq!(answer(&decide(&gate, &renamed)), "allow");
    // What the message says to do.
    let third = world.gate("third", &NAMES_ALONE);
    assert_eq!(refusal(&third, &job()).0, "identity.renamed");
    let tools = repository("acme/tools", "456789", ("acme", "123456"));
    world.order(approve(tools)).unwrap();
    assert!(decide(&third, &job()).is_allow());
}
}

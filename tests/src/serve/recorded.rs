//! The record of a host that decides on the threads of those who ask where it
//! can, and elsewhere where it has to wait.

use std::collections::HashSet;

use claimbound::record::{Body, Entry, Reader, Text, Verdict};

use super::{Place, job_with};

#[tokio::test]
async fn every_answer_has_one_line_wherever_it_was_decided() {
    let place = Place::new();
    let record = "[record]\nfolder = \"record\"\ndurability = { interval = \"2ms\" }\n\n[ledger]";
    place.configure(&[("[ledger]", record)]);
    let serving = place.serve().await;
    let (mut allowed, mut asked) = (0, 0);
    for number in 0..40 {
        let claims = job_with(&format!("job-{number}"));
        // It is used up, which the ledger has to write down.
        for expected in [200, 401] {
            asked += 1;
            let status = serving.present(&claims).await.status;
            assert_eq!(status, expected, "{number}");
            allowed += usize::from(status == 200);
        }
        // Denied before the ledger is asked.
        asked += 1;
        let elsewhere = serde_json::json!({ "ref": "refs/heads/x" });
        let denied = crate::forge::with(claims, &elsewhere);
        assert_eq!(serving.present(&denied).await.status, 403);
    }
    serving.server.drain().await;
    let mut reader = Reader::open(&place.path("record")).unwrap();
    let mut verdicts = Vec::new();
    while let Some(line) = reader.read().unwrap() {
        let Text::Whole(bytes) = line.text else {
            panic!("{line:?}");
        };
        if let Body::Decision(decision) = Entry::parse(bytes).unwrap().body {
            verdicts.push((decision.outcome, decision.token_digest));
        }
    }
    let allows = verdicts.iter().filter(|(one, _)| *one == Verdict::Allow);
    let tokens: HashSet<_> = allows.clone().map(|(_, digest)| digest).collect();
    assert_eq!((allows.count(), tokens.len()), (allowed, 40));
    let is_error = |(verdict, _): &(Verdict, String)| *verdict == Verdict::Error;
    assert!(!verdicts.iter().any(is_error), "{verdicts:?}");
    assert_eq!(verdicts.len(), asked);
}

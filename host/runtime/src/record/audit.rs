//! Looks for lines that were removed, altered, reordered or cut.

use std::fmt;
use std::path::Path;

use super::chain::{Hash, Head};
use super::decision::Verdict;
use super::entry::{Body, Entry, EntryError, Recovered};
use super::error::RecordError;
use super::files::FileName;
use super::reader::{Line, Reader, Text};

/// Most findings that are listed; the others are counted.
pub const MOST_FINDINGS: usize = 100;

/// Most gaps whose lines are looked for further on; of others it is said at once
/// that they are missing.
const MOST_GAPS: usize = 1000;

/// What is known of a record from elsewhere.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Expected {
    /// Its checkpoint.
    pub checkpoint: Option<Head>,
    /// The hash of a line that it must have, such as the last that was seen.
    pub head: Option<Hash>,
}

/// What was found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Report {
    /// The record's end.
    pub head: Head,
    /// How many files it has.
    pub files: usize,
    /// The times of its first and its last line, in seconds since 1970.
    pub times: Option<(u64, u64)>,
    /// How many decisions it has of each outcome.
    pub decisions: Decisions,
    /// How many tokens it counts that were refused before they were verified.
    pub unverified: u64,
    /// What was taken off its end after crashes, with the numbers of the lines
    /// that say so.
    pub recovered: Vec<(u64, Recovered)>,
    /// The number of the line that was expected by its hash.
    pub expected: Option<u64>,
    /// What is wrong, in the order of the record.
    pub findings: Vec<Finding>,
    /// How many findings are not listed.
    pub more: u64,
}

/// How many decisions of each outcome.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Serialize)]
pub struct Decisions {
    /// Tokens that were accepted.
    pub allow: u64,
    /// Tokens that were not.
    pub deny: u64,
    /// Tokens of which no answer could be given.
    pub error: u64,
}

/// Something that is wrong, and where.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// The file and its line, from one; none where it is about the end.
    pub place: Option<(FileName, u64)>,
    /// What is wrong.
    pub fault: Fault,
}

/// What is wrong.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fault {
    /// A line says nothing that is understood.
    Unreadable(EntryError),
    /// A line of this many bytes, which no line has.
    TooLong(u64),
    /// The file ends inside a line.
    Torn,
    /// The line of this number is not the one that the next continues.
    Altered(u64),
    /// The first line continues another record.
    NoBeginning,
    /// The lines from this number to that are not there.
    Removed(u64, u64),
    /// The lines from this number to that stand after line `after`.
    OutOfPlace {
        /// The first of them.
        first: u64,
        /// The last of them.
        last: u64,
        /// The line before them.
        after: u64,
    },
    /// A line has this number, and another one had it before.
    Repeated(u64),
    /// A file begins with a line of another number than its name.
    Misnamed(u64),
    /// The lines from this number to that, which the checkpoint knows, were cut
    /// off the end.
    Cut(u64, u64),
    /// The line of this number is not the one that the checkpoint knows.
    NotTheCheckpoints(u64),
    /// No line has the hash that was expected.
    NotTheHead(Hash),
    /// Whole lines were taken off the end when the record was opened before
    /// line `seq`: the power failed, or somebody had altered the first of them.
    Recovered {
        /// The line that says so.
        seq: u64,
        /// How many.
        lines: u64,
        /// Where they are.
        file: String,
    },
}

impl Fault {
    /// What kind of fault, in one word.
    pub const fn kind(&self) -> &'static str {
        match self {
            Self::Unreadable(_) => "unreadable",
            Self::TooLong(_) => "too-long",
            Self::Torn => "torn",
            Self::Altered(_) => "altered",
            Self::NoBeginning => "no-beginning",
            Self::Removed(..) => "removed",
            Self::OutOfPlace { .. } => "reordered",
            Self::Repeated(_) => "repeated",
            Self::Misnamed(_) => "misnamed",
            Self::Cut(..) => "cut",
            Self::NotTheCheckpoints(_) => "not-the-checkpoint",
            Self::NotTheHead(_) => "not-the-head",
            Self::Recovered { .. } => "recovered",
        }
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unreadable(error) => error.fmt(formatter),
            Self::TooLong(bytes) => write!(formatter, "{bytes} bytes, more than any line has"),
            Self::Torn => formatter.write_str("the file ends inside a line"),
            Self::Altered(seq) => write!(
                formatter,
                "line {seq} was altered: it is not the one that the next line continues"
            ),
            Self::NoBeginning => {
                formatter.write_str("line 1 was altered: it continues another record")
            }
            Self::Removed(first, last) => write!(formatter, "{} missing", lines(*first, *last)),
            Self::OutOfPlace { first, last, after } => {
                let lines = lines(*first, *last);
                write!(formatter, "{lines} out of place, after line {after}")
            }
            Self::Repeated(seq) => write!(formatter, "there is another line {seq} before"),
            Self::Misnamed(seq) => write!(
                formatter,
                "the file begins with line {seq}, which is not what its name says"
            ),
            Self::Cut(first, last) => write!(
                formatter,
                "{} cut off the end: the checkpoint knows line {last}",
                lines(*first, *last)
            ),
            Self::NotTheCheckpoints(seq) => write!(
                formatter,
                "line {seq} is not the one that the checkpoint knows: what stands up to it was written anew"
            ),
            Self::NotTheHead(hash) => write!(
                formatter,
                "no line has the hash {hash}: the line was cut, altered or written anew"
            ),
            Self::Recovered { seq, lines, file } => write!(
                formatter,
                "line {seq} says that {lines} whole lines were taken off the end and moved to `{file}`: \
                 the power failed, or somebody had altered the first of them"
            ),
        }
    }
}

fn lines(first: u64, last: u64) -> String {
    if first == last {
        format!("line {first} is")
    } else {
        format!("lines {first} to {last} are")
    }
}

impl Report {
    /// Whether nothing is wrong.
    pub fn is_clean(&self) -> bool {
        self.findings.is_empty() && self.more == 0
    }
}

/// Reads the whole record in `folder` and says what is wrong with it. `watch`
/// is told the reader's place whenever a file is begun.
///
/// # Errors
/// A folder or file that can't be read; [`RecordError::NoRecord`] where nothing
/// says that there was one.
pub fn verify(
    folder: &Path,
    expected: &Expected,
    mut watch: impl FnMut(&Reader),
) -> Result<Report, RecordError> {
    let mut reader = match Reader::open(folder) {
        // Something is known of it, and none of that is there.
        Err(RecordError::NoRecord { .. }) if *expected != Expected::default() => {
            return Ok(Audit::new(*expected, 0).report());
        }
        reader => reader?,
    };
    let mut audit = Audit::new(*expected, reader.files());
    let mut begun = 0;
    loop {
        if reader.begun() != begun {
            begun = reader.begun();
            watch(&reader);
        }
        match reader.read()? {
            Some(line) => audit.line(&line),
            None => return Ok(audit.report()),
        }
    }
}

/// A place in the record.
type Place = (FileName, u64);

/// The lines between two that follow each other where they should not.
struct Gap {
    first: u64,
    last: u64,
    place: Place,
}

struct Audit {
    expected: Expected,
    /// The number of the last line in its place, and its hash where that is
    /// worth anything.
    end: u64,
    hash: Option<Hash>,
    /// Where that line stands.
    place: Option<Place>,
    gaps: Vec<Gap>,
    /// Whether the checkpoint's line was seen, and is it.
    checkpoint: Option<bool>,
    report: Report,
}

impl Audit {
    fn new(expected: Expected, files: usize) -> Self {
        Self {
            expected,
            end: 0,
            hash: Some(Hash::GENESIS),
            place: None,
            gaps: Vec::new(),
            checkpoint: None,
            report: Report {
                head: Head::GENESIS,
                files,
                times: None,
                decisions: Decisions::default(),
                unverified: 0,
                recovered: Vec::new(),
                expected: None,
                findings: Vec::new(),
                more: 0,
            },
        }
    }

    fn found(&mut self, place: Option<Place>, fault: Fault) {
        if self.report.findings.len() < MOST_FINDINGS {
            self.report.findings.push(Finding { place, fault });
        } else {
            self.report.more += 1;
        }
    }

    fn line(&mut self, line: &Line<'_>) {
        let place = (line.file, line.number);
        let fault = match line.text {
            Text::Whole(bytes) => match Entry::parse(bytes) {
                Ok(entry) => return self.entry(place, &entry, bytes),
                Err(error) => Fault::Unreadable(error),
            },
            Text::Torn => Fault::Torn,
            Text::TooLong(bytes) => Fault::TooLong(bytes),
        };
        self.found(Some(place), fault);
        // It stands for the line that should be here, whatever that was.
        self.end = self.end.saturating_add(1);
        self.hash = None;
        self.place = Some(place);
    }

    fn entry(&mut self, place: Place, entry: &Entry, bytes: &[u8]) {
        let seq = entry.seq;
        if place.1 == 1 && seq != place.0.first() {
            self.found(Some(place), Fault::Misnamed(seq));
        }
        let hash = Hash::of(bytes);
        self.count(entry, place);
        if self.expected.head == Some(hash) {
            self.report.expected = Some(seq);
        }
        match self.expected.checkpoint {
            Some(known) if known.count == seq && self.checkpoint != Some(true) => {
                self.checkpoint = Some(known.head == hash);
            }
            Some(_) | None => {}
        }
        if seq <= self.end {
            return self.out_of_place(place, seq);
        }
        let next = self.end.saturating_add(1);
        if seq > next {
            self.gap(Gap {
                first: next,
                last: seq - 1,
                place,
            });
        } else if self.hash.is_some_and(|hash| hash != entry.prev) {
            match self.place {
                Some(before) => self.found(Some(before), Fault::Altered(self.end)),
                None => self.found(Some(place), Fault::NoBeginning),
            }
        }
        self.end = seq;
        self.hash = Some(hash);
        self.place = Some(place);
        self.report.head = Head {
            count: seq,
            head: hash,
        };
    }

    /// Lines that are missing here, and may stand further on.
    fn gap(&mut self, gap: Gap) {
        if self.gaps.len() < MOST_GAPS {
            self.gaps.push(gap);
        } else {
            self.found(Some(gap.place), Fault::Removed(gap.first, gap.last));
        }
    }

    /// A line whose number is not past the last one's.
    fn out_of_place(&mut self, place: Place, seq: u64) {
        let gap = self
            .gaps
            .iter()
            .position(|gap| (gap.first..=gap.last).contains(&seq));
        let Some(gap) = gap else {
            return self.found(Some(place), Fault::Repeated(seq));
        };
        self.fill(gap, seq);
        let after = self.end;
        // Lines that follow each other are out of place together.
        if let Some(Finding {
            place: Some((file, _)),
            fault: Fault::OutOfPlace {
                last, after: same, ..
            },
        }) = self.report.findings.last_mut()
            && *file == place.0
            && last.checked_add(1) == Some(seq)
            && *same == after
        {
            *last = seq;
            return;
        }
        let (first, last) = (seq, seq);
        self.found(Some(place), Fault::OutOfPlace { first, last, after });
    }

    /// Takes a line out of a gap, which may become two.
    fn fill(&mut self, index: usize, seq: u64) {
        let gap = self.gaps.swap_remove(index);
        let parts = [
            (gap.first, seq.saturating_sub(1)),
            (seq.saturating_add(1), gap.last),
        ];
        let parts = parts.into_iter().filter(|(first, last)| first <= last);
        for (first, last) in parts {
            self.gap(Gap {
                first,
                last,
                place: gap.place,
            });
        }
    }

    fn count(&mut self, entry: &Entry, place: Place) {
        let time = entry.body.time();
        let first = self.report.times.map_or(time, |(first, _)| first);
        self.report.times = Some((first, time));
        match &entry.body {
            Body::Decision(decision) => {
                let decisions = &mut self.report.decisions;
                match decision.outcome {
                    Verdict::Allow => decisions.allow += 1,
                    Verdict::Deny => decisions.deny += 1,
                    Verdict::Error => decisions.error += 1,
                }
            }
            Body::Unverified(unverified) => {
                let unverified = unverified.count;
                self.report.unverified = self.report.unverified.saturating_add(unverified);
            }
            Body::Recovered(recovered) => self.recovered(entry.seq, recovered, place),
            // It says nothing of what was decided.
            Body::Divergence(_) => {}
        }
    }

    fn recovered(&mut self, seq: u64, recovered: &Recovered, place: Place) {
        if recovered.lines > 0 {
            let fault = Fault::Recovered {
                seq,
                lines: recovered.lines,
                file: recovered.file.clone(),
            };
            self.found(Some(place), fault);
        }
        if self.report.recovered.len() < MOST_FINDINGS {
            self.report.recovered.push((seq, recovered.clone()));
        }
    }

    fn report(mut self) -> Report {
        for gap in std::mem::take(&mut self.gaps) {
            self.found(Some(gap.place), Fault::Removed(gap.first, gap.last));
        }
        // What is about the end has no place, and comes last.
        let place = |finding: &Finding| finding.place.map_or((1, None), |place| (0, Some(place)));
        self.report.findings.sort_by_key(place);
        self.check_end();
        self.report
    }

    fn check_end(&mut self) {
        if let Some(known) = self.expected.checkpoint {
            if known.count > self.end {
                self.found(None, Fault::Cut(self.end.saturating_add(1), known.count));
            } else if self.checkpoint == Some(false) {
                self.found(None, Fault::NotTheCheckpoints(known.count));
            }
        }
        match self.expected.head {
            Some(Hash::GENESIS) if self.report.head == Head::GENESIS => {}
            Some(head) if self.report.expected.is_none() => {
                self.found(None, Fault::NotTheHead(head));
            }
            Some(_) | None => {}
        }
    }
}

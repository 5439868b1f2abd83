//! A form: one published shape of an issuer's subject.

use std::ops::ControlFlow;
use std::sync::Arc;

use crate::part::Part;
use crate::template::{Template, Value};

/// One published shape of an issuer's subject.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Form {
    /// Its place among the model's forms.
    pub(crate) index: usize,
    pub(crate) name: Arc<str>,
    pub(crate) documentation: Box<str>,
    pub(crate) shape: Shape,
    /// Every part that a subject of this form can have, fixed ones included.
    pub(crate) parts: Box<[usize]>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Shape {
    /// One template from end to end.
    Fixed(Segment),
    /// Some of the segments, each at most once, in any order.
    Custom {
        separator: char,
        segments: Box<[Segment]>,
    },
}

/// A template and the parts whose values it gives by being there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Segment {
    pub(crate) template: Template,
    pub(crate) fixed: Box<[(usize, Box<str>)]>,
}

/// What became of an attempt to read a subject by one form.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Reading {
    None,
    One,
    Several,
}

impl Segment {
    pub(crate) fn parts(&self) -> impl Iterator<Item = usize> {
        self.template
            .parts()
            .chain(self.fixed.iter().map(|(part, _)| *part))
    }

    fn add_fixed<'a>(&'a self, found: &mut Vec<Value<'a>>) {
        found.extend(self.fixed.iter().map(|(part, value)| (*part, &**value)));
    }

    /// Matches the front of `text` up to a separator or the end.
    fn strip<'a>(
        &'a self,
        parts: &[Part],
        text: &'a str,
        separator: char,
        found: &mut Vec<Value<'a>>,
    ) -> Option<&'a str> {
        let mark = found.len();
        let rest = self.template.strip(parts, text, found);
        let rest = rest.filter(|rest| rest.is_empty() || rest.starts_with(separator));
        if rest.is_some() {
            self.add_fixed(found);
        } else {
            found.truncate(mark);
        }
        rest
    }
}

impl Form {
    /// The form's name, unique in its model.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// One sentence on when the issuer writes this form.
    pub fn documentation(&self) -> &str {
        &self.documentation
    }

    /// Whether an organisation chooses which parts a subject of this form has,
    /// and in which order.
    pub fn is_custom(&self) -> bool {
        matches!(self.shape, Shape::Custom { .. })
    }

    /// The template, such as `repo:{owner}/{repo}:ref:{ref}`; `None` for custom forms.
    pub fn template(&self) -> Option<&str> {
        match &self.shape {
            Shape::Fixed(segment) => Some(segment.template.text()),
            Shape::Custom { .. } => None,
        }
    }

    /// What stands between the pieces of a custom form.
    pub fn separator(&self) -> Option<char> {
        match &self.shape {
            Shape::Fixed(_) => None,
            Shape::Custom { separator, .. } => Some(*separator),
        }
    }

    /// The templates whose choice makes a custom subject; the one template of any other form.
    pub fn segments(&self) -> impl Iterator<Item = &str> {
        self.segment_list()
            .iter()
            .map(|segment| segment.template.text())
    }

    /// The parts that its one template gives without writing them.
    pub(crate) fn fixed(&self) -> impl Iterator<Item = (usize, &str)> {
        let segments = match &self.shape {
            Shape::Fixed(segment) => std::slice::from_ref(segment),
            Shape::Custom { .. } => &[],
        };
        let fixed = segments.iter().flat_map(|segment| &segment.fixed);
        fixed.map(|(part, value)| (*part, &**value))
    }

    pub(crate) fn segment_list(&self) -> &[Segment] {
        match &self.shape {
            Shape::Fixed(segment) => std::slice::from_ref(segment),
            Shape::Custom { segments, .. } => segments,
        }
    }

    /// Reads `subject` into `found`, which holds its parts after `Reading::One`
    /// and nothing that matters otherwise.
    pub(crate) fn read<'a>(
        &'a self,
        parts: &[Part],
        subject: &'a str,
        found: &mut Vec<Value<'a>>,
    ) -> Reading {
        found.clear();
        match &self.shape {
            Shape::Fixed(segment) if segment.template.is_certain() => {
                if segment.template.strip(parts, subject, found) != Some("") {
                    return Reading::None;
                }
                segment.add_fixed(found);
                Reading::One
            }
            Shape::Fixed(segment) => read_open(segment, parts, subject, found),
            Shape::Custom {
                separator,
                segments,
            } => read_custom(*separator, segments, parts, subject, found),
        }
    }

    /// Writes the subject that has these parts, in this order for a custom form.
    pub(crate) fn print(&self, values: &[Value<'_>]) -> Option<String> {
        match &self.shape {
            Shape::Fixed(segment) => print_segment(segment, values),
            Shape::Custom {
                separator,
                segments,
            } => print_custom(*separator, segments, values),
        }
    }
}

fn read_open<'a>(
    segment: &'a Segment,
    parts: &[Part],
    subject: &'a str,
    found: &mut Vec<Value<'a>>,
) -> Reading {
    let mut reading = Reading::None;
    segment.template.splits(parts, subject, &mut |mut values| {
        if reading == Reading::One {
            reading = Reading::Several;
            return ControlFlow::Break(());
        }
        segment.add_fixed(&mut values);
        *found = values;
        reading = Reading::One;
        ControlFlow::Continue(())
    });
    reading
}

/// Each part occurs at most once, so the loop ends after as many turns as there are parts.
fn read_custom<'a>(
    separator: char,
    segments: &'a [Segment],
    parts: &[Part],
    subject: &'a str,
    found: &mut Vec<Value<'a>>,
) -> Reading {
    let mut rest = subject;
    loop {
        let mark = found.len();
        let mut after = None;
        for segment in segments {
            let Some(tail) = segment.strip(parts, rest, separator, found) else {
                continue;
            };
            // Two segments that both fit might end at different places: rather
            // than follow both, take it for ambiguous.
            if after.replace(tail).is_some() {
                return Reading::Several;
            }
        }
        let Some(after) = after else {
            return Reading::None;
        };
        let (earlier, latest) = found.split_at_checked(mark).unwrap_or((found, &[]));
        if latest
            .iter()
            .any(|(part, _)| earlier.iter().any(|(other, _)| other == part))
        {
            return Reading::None;
        }
        match after.strip_prefix(separator) {
            Some(next) => rest = next,
            None => return Reading::One,
        }
    }
}

fn value_of<'v>(values: &[Value<'v>], part: usize) -> Option<&'v str> {
    values
        .iter()
        .find(|(other, _)| *other == part)
        .map(|(_, value)| *value)
}

fn print_segment(segment: &Segment, values: &[Value<'_>]) -> Option<String> {
    let fixed_agree = segment
        .fixed
        .iter()
        .all(|(part, value)| value_of(values, *part) == Some(value));
    let all_used = values.len() == segment.parts().count();
    (fixed_agree && all_used)
        .then(|| segment.template.print(|part| value_of(values, part)))
        .flatten()
}

/// Takes at each step the segment that uses the most of the values to come.
fn print_custom(separator: char, segments: &[Segment], values: &[Value<'_>]) -> Option<String> {
    let mut text = String::new();
    let mut rest = values;
    while !rest.is_empty() {
        let (used, printed) = segments
            .iter()
            .filter_map(|segment| {
                let count = segment.parts().count();
                let (front, _) = rest.split_at_checked(count)?;
                let in_order = segment.parts().eq(front.iter().map(|(part, _)| *part));
                in_order
                    .then(|| print_segment(segment, front))
                    .flatten()
                    .map(|text| (count, text))
            })
            .max_by_key(|(count, _)| *count)?;
        if !text.is_empty() {
            text.push(separator);
        }
        text.push_str(&printed);
        rest = rest.get(used..)?;
    }
    (!text.is_empty()).then_some(text)
}
